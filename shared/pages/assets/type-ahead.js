/*
 * What is typed while the next page is on its way comes into the field that this page puts the cursor in. Up to the
 * first Enter: nobody agrees to what he has not seen. No module: it listens before the page is there.
 */
{
  const keptMaxMs = 5_000;
  const place = 'typed-ahead';
  let typed = '';
  /* Until when keys wait, as performance.now() counts. */
  let untilMs = 0;

  const isWaiting = () => performance.now() < untilMs;

  const leave = () => {
    typed = '';
    untilMs = performance.now() + keptMaxMs;
  };

  const typeInto = (field, [line]) => {
    if (line === '' || !(field instanceof HTMLInputElement) || field.type === 'hidden') return;
    field.value += line;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };

  const arrive = () => {
    if (isWaiting()) typeInto(document.activeElement, typed.split('\n'));
    untilMs = 0;
  };

  const left = JSON.parse(sessionStorage.getItem(place) ?? 'null');
  sessionStorage.removeItem(place);
  if (left !== null && Date.now() - left.at < keptMaxMs) {
    leave();
    typed = left.typed;
    /* The cursor is where the page wants it a frame after the page is there. */
    document.addEventListener('DOMContentLoaded', () => requestAnimationFrame(arrive));
  }

  document.addEventListener(
    'keydown',
    (event) => {
      if (!isWaiting() || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape') untilMs = 0;
      else if (event.key === 'Enter') typed += '\n';
      else if (event.key === 'Backspace') typed = typed.slice(0, -1);
      else if (event.key.length === 1) typed += event.key;
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );

  /* On the window: after all others, who may keep a form from being sent twice. */
  window.addEventListener('submit', (event) => {
    if (!event.defaultPrevented && event.target.method === 'get') leave();
  });

  /* By a key: a click of the mouse has a number. */
  window.addEventListener('click', (event) => {
    const isByKey = event.detail === 0 && event.target instanceof Element;
    if (isByKey && event.target.closest('[data-go]')) leave();
  });

  window.addEventListener('pagehide', () => {
    if (isWaiting()) sessionStorage.setItem(place, JSON.stringify({ typed, at: Date.now() }));
    untilMs = 0;
  });
}
