/* Keys that come while the next page is on its way go into its first field, up to Enter: nobody agrees unseen. */
{
  const keptMs = 10_000;
  const place = 'typed-ahead';
  let typed = '';
  let untilMs = 0;

  const isWaiting = () => performance.now() < untilMs;
  const leave = (sofar = '') => {
    typed = sofar;
    untilMs = performance.now() + keptMs;
  };
  const arrive = () => {
    const field = document.activeElement;
    const [line] = typed.split('\n');
    /* A field that is filled has come back: it was typed for another page. */
    if (isWaiting() && line !== '' && field instanceof HTMLInputElement && field.value === '') {
      field.value = line;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }
    untilMs = 0;
  };

  const left = JSON.parse(sessionStorage.getItem(place) ?? 'null');
  sessionStorage.removeItem(place);
  if (left !== null && Date.now() - left.at < keptMs) {
    leave(left.typed);
    /* A frame later the cursor is where the page wants it. */
    addEventListener('DOMContentLoaded', () => requestAnimationFrame(arrive));
  }

  addEventListener(
    'keydown',
    (event) => {
      const { key } = event;
      if (!isWaiting() || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === 'Escape') untilMs = 0;
      else if (key === 'Enter') typed += '\n';
      else if (key === 'Backspace') typed = typed.slice(0, -1);
      else if (key.length === 1) typed += key;
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );

  addEventListener('submit', ({ defaultPrevented, target }) => {
    if (!defaultPrevented && target.method === 'get') leave();
  });

  /* A click of the mouse has a number. */
  addEventListener('click', ({ detail, target }) => {
    if (detail === 0 && target.closest?.('[data-go]')) leave();
  });

  addEventListener('pagehide', () => {
    if (isWaiting()) sessionStorage.setItem(place, JSON.stringify({ typed, at: Date.now() }));
    untilMs = 0;
  });
}
