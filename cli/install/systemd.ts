/** What an installation asks of systemd. */
import { errorText, PfwError } from "../../engine/errors.ts";
import { type Commands, runOrThrow } from "../../engine/kernel/command.ts";
import type { Step } from "./steps.ts";
import { UNIT_NAME } from "./unit.ts";

/** There while systemd is the first process, sd_booted(3). */
const BOOTED = "/run/systemd/system";

/** Whether what runs is what is installed. */
type IsCurrent = () => Promise<boolean>;

/** systemctl, for this unit. */
export class Systemd {
  constructor(private readonly commands: Commands, private readonly booted: string = BOOTED) {}

  /** Whether systemd runs this machine. */
  isRunning(): boolean {
    try {
      return Deno.statSync(this.booted).isDirectory;
    } catch {
      return false;
    }
  }

  /** Whether a unit is up, or on its way. */
  async isActive(unit: string = UNIT_NAME): Promise<boolean> {
    return /^(active|activating|reloading)/.test(await this.#ask("is-active", unit));
  }

  /** Reads the units again. */
  reloadStep(isUnitSame: () => boolean): Step {
    return this.#step(
      "have systemd read its units again",
      ["daemon-reload"],
      async () => isUnitSame() && !await this.#needsReload(),
    );
  }

  /** From now on at every boot. */
  enableStep(): Step {
    return this.#step(
      "enable the service at boot",
      ["enable", "--quiet", UNIT_NAME],
      async () => await this.#ask("is-enabled", UNIT_NAME) === "enabled",
    );
  }

  /** Starts it; one that runs is replaced where something of it is new, and enforces meanwhile. */
  startStep(isCurrent: IsCurrent): Step {
    return this.#step(
      "start the service, or restart it while the kernel goes on enforcing",
      ["restart", UNIT_NAME],
      async () => await this.isActive() && await isCurrent(),
    );
  }

  /** The same for one that runs; nothing otherwise. */
  restartStep(isCurrent: IsCurrent): Step {
    return this.#step(
      "restart the service while the kernel goes on enforcing",
      ["try-restart", UNIT_NAME],
      async () => !await this.isActive() || await isCurrent(),
    );
  }

  /** Ends it, now and at every boot. */
  disableStep(unitFile: string): Step {
    return this.#step(
      "stop the service and disable it at boot",
      ["disable", "--quiet", "--now", UNIT_NAME],
      async () => {
        const isThere = await Deno.lstat(unitFile).then(() => true, () => false);
        return !isThere && !await this.isActive();
      },
    );
  }

  #step(what: string, words: string[], isDone: () => boolean | Promise<boolean>): Step {
    return {
      what,
      isDone: async () => await isDone(),
      act: async () => {
        try {
          await runOrThrow(this.commands, ["systemctl", ...words]);
        } catch (error) {
          const next = `see: journalctl -u ${UNIT_NAME}`;
          throw new PfwError(`systemctl ${words[0]} failed`, errorText(error), next, undefined, {
            cause: error,
          });
        }
      },
    };
  }

  /** After a run that was cut short the file is new and systemd does not know it. */
  async #needsReload(): Promise<boolean> {
    const argv = ["systemctl", "show", "--property=NeedDaemonReload", UNIT_NAME];
    return /=yes/.test((await this.commands.run(argv)).stdout);
  }

  async #ask(verb: string, unit: string): Promise<string> {
    return (await this.commands.run(["systemctl", verb, unit])).stdout.trim();
  }
}
