/** Whom the form for a ban is about; it opens wherever an address is clicked. */
import { signal } from "@preact/signals";

/** An empty text: the form asks for the address too. */
export const banTarget = signal<string | null>(null);
