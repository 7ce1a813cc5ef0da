/** `GET /metrics`: the running firewall's figures in the text format of Prometheus. */
import type { Exposition } from "./metrics/exposition.ts";
import { type MetricsSource, readAll } from "./metrics/source.ts";

export type { MetricsSource, Queues } from "./metrics/source.ts";

/** Reads the running firewall at each scrape; between them it costs nothing. */
export class Metrics {
  /** The text format, version 0.0.4, which every Prometheus reads. */
  readonly contentType = "text/plain; version=0.0.4; charset=utf-8";

  readonly #source: MetricsSource;
  #exposition: Exposition | undefined;
  #underWay: Promise<string> | undefined;

  constructor(source: MetricsSource) {
    this.#source = source;
  }

  /** The text; scrapes at the same time share one, as each reads the kernel. */
  text(): Promise<string> {
    this.#underWay ??= this.#write().finally(() => this.#underWay = undefined);
    return this.#underWay;
  }

  async #write(): Promise<string> {
    const reading = await readAll(this.#source);
    return await (await this.#load()).write(reading);
  }

  /** Not before somebody asks: most runs are never scraped, and all of them are to start fast. */
  async #load(): Promise<Exposition> {
    if (this.#exposition) return this.#exposition;
    const { Exposition } = await import("./metrics/exposition.ts");
    return this.#exposition = new Exposition();
  }
}
