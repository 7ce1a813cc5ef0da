/** Standard output of this process, caught. */

/** What is written to standard output until the end of the scope. */
export class Output implements Disposable {
  text = "";
  readonly #write = Deno.stdout.writeSync;

  constructor() {
    Deno.stdout.writeSync = (bytes) => {
      this.text += new TextDecoder().decode(bytes);
      return bytes.length;
    };
  }

  [Symbol.dispose](): void {
    Deno.stdout.writeSync = this.#write;
  }
}
