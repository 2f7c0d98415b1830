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

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey && event.key.toLowerCase() === 'k' && focusFind()) {
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (goneAt > 0 && event.timeStamp - goneAt < goMaxMs) {
    goneAt = 0;
    const place = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (place instanceof HTMLAnchorElement) {
      event.preventDefault();
      place.click();
      return;
    }
  }
  if (event.key === '/' && focusFind()) event.preventDefault();
  else if (event.key === '?') keys()?.showModal();
  else if (event.key === 'g') goneAt = event.timeStamp;
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
  if (event.target instanceof Element && event.target.closest('[data-print]')) window.print();
});
