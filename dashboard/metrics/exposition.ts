/** The metrics as Prometheus reads them, made by prom-client. */
import { Counter, Gauge, Registry } from "prom-client";
import { METRICS } from "./catalogue.ts";
import type { Metric } from "./metric.ts";
import type { Reading } from "./source.ts";

/** Writes readings out. */
export class Exposition {
  readonly #registry = new Registry();
  #reading: Reading | undefined;

  constructor(metrics: readonly Metric[] = METRICS) {
    for (const metric of metrics) this.#register(metric);
  }

  /** Value of `Content-Type`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Nothing else may be written meanwhile. */
  async write(reading: Reading): Promise<string> {
    this.#reading = reading;
    return await this.#registry.metrics();
  }

  /**
   * The counting is done elsewhere, and a prom-client counter can only be raised: each scrape
   * begins it anew. Nobody sees it between, as `collect` does not wait for anything.
   */
  #register({ type, name, help, labels, samples }: Metric): void {
    const now = () => this.#reading ? samples(this.#reading) : [];
    const common = { name, help, labelNames: labels, registers: [this.#registry] };
    if (type === "counter") {
      new Counter({
        ...common,
        collect() {
          empty(this, labels);
          for (const [given, value] of now()) this.inc(given, value);
        },
      });
    } else {
      new Gauge({
        ...common,
        collect() {
          empty(this, labels);
          for (const [given, value] of now()) this.set(given, value);
        },
      });
    }
  }
}

/** Without labels a reset one is 0, which would be said of what is not known. */
function empty(metric: Counter | Gauge, labels: readonly string[]): void {
  metric.reset();
  if (labels.length === 0) metric.remove();
}
