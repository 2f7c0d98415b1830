/* What the keyboard does. Everything works without it, but slower. */

const goMaxMs = 1_500;
let goneAt = 0;

function isTyping(target) {
  return (
    target instanceof HTMLElement && target.matches('input, select, textarea, [contenteditable]')
  );
}

function focusFind() {
  const field = document.getElementById('find');
  if (!(field instanceof HTMLInputElement)) return false;
  field.focus();
  field.select();
  return true;
}

function keys() {
  const dialog = document.getElementById('keys');
  return dialog instanceof HTMLDialogElement ? dialog : undefined;
}

function openPalette() {
  const palette = document.getElementById('palette');
  const query = document.getElementById('palette-query');
  if (!(palette instanceof HTMLDialogElement && query instanceof HTMLInputElement)) return;
  if (!palette.open) palette.showModal();
  query.value = '';
  waitingMoves = [];
  query.focus();
  query.dispatchEvent(new Event('palette'));
}

function options() {
  return [...document.querySelectorAll('#palette-options [role="option"]')];
}

function choose(index) {
  const all = options();
  const chosen = all[(index + all.length) % all.length];
  for (const each of all) each.setAttribute('aria-selected', String(each === chosen));
  chosen?.scrollIntoView({ block: 'nearest' });
  const query = document.getElementById('palette-query');
  query?.setAttribute('aria-activedescendant', chosen?.id ?? '');
}

/* Arrows choose, Enter goes there: among what was asked for last, so they wait until it is there. */
const paletteMoves = {
  ArrowDown: (at) => choose(at + 1),
  ArrowUp: (at) => choose(at - 1),
  Enter: (at) => options()[at]?.click(),
};
let waitingMoves = [];

function move(key) {
  paletteMoves[key](options().findIndex((each) => each.getAttribute('aria-selected') === 'true'));
}

const paletteQuery = document.getElementById('palette-query');

paletteQuery?.addEventListener('keydown', (event) => {
  if (!Object.hasOwn(paletteMoves, event.key)) return;
  event.preventDefault();
  if (paletteQuery.classList.contains('htmx-request')) waitingMoves.push(event.key);
  else move(event.key);
});

paletteQuery?.addEventListener('input', () => {
  waitingMoves = [];
});

paletteQuery?.addEventListener('htmx:afterRequest', (event) => {
  if (!event.detail.successful) return;
  const moves = waitingMoves;
  waitingMoves = [];
  for (const key of moves) move(key);
});

/* The letter, or what stands on its place where another alphabet is switched on. */
function letterOf({ key, code }) {
  if (key.length === 1 && key > '~' && code.startsWith('Key')) return code.slice(-1).toLowerCase();
  return key;
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey && event.code === 'KeyK') {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (goneAt > 0 && event.timeStamp - goneAt < goMaxMs) {
    goneAt = 0;
    const place = document.querySelector(`[data-go="${CSS.escape(letterOf(event))}"]`);
    if (place instanceof HTMLAnchorElement) {
      event.preventDefault();
      place.click();
      return;
    }
  }
  if (event.key === '/' && focusFind()) event.preventDefault();
  else if (event.key === '?') keys()?.showModal();
  else if (letterOf(event) === 'g') goneAt = event.timeStamp;
});

document.addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLSelectElement)) return;
  const said = document.querySelector(`output[for="${CSS.escape(target.id)}"]`);
  if (said) said.textContent = target.selectedOptions[0]?.label ?? '';
});

/* A form is sent once; its button says so until the answer is there. */
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method === 'dialog') return;
  if (form.dataset.sent === 'true') event.preventDefault();
  form.dataset.sent = 'true';
  form.setAttribute('aria-busy', 'true');
});

window.addEventListener('pageshow', () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    form.removeAttribute('aria-busy');
  }
});

document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest('[data-print]')) window.print();
  if (event.target.closest('[data-palette]')) openPalette();
});

/* Where the cursor comes first, what stands there is typed over: a wrong number, above all. */
document.querySelector('[autofocus]')?.select?.();
