/**
 * Draws at most once a frame, and never while nobody looks: a browser makes no frames for a hidden
 * page, so what is marked then is drawn once when it is seen again.
 */
const waiting = new Set<() => void>();
let isAsked = false;

/** Has `draw` called in the next frame, once, however often it is asked for. */
export function inNextFrame(draw: () => void): void {
  waiting.add(draw);
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(drawAll);
}

function drawAll(): void {
  isAsked = false;
  const all = [...waiting];
  waiting.clear();
  for (const draw of all) draw();
}
