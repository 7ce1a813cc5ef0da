/** A secret 32-bit word: the seed of a table that traffic fills. */
export function randomWord(): number {
  return crypto.getRandomValues(new Int32Array(1))[0];
}
