/** Why nothing can be captured, as the error that people see. */
import { PcapError, PcapErrorCode } from "../ffi/pcap.ts";
import { PcapMissingError } from "../ffi/pcap_library.ts";
import { errorText, ExitCode, PfwError } from "./errors.ts";
import { installHint } from "./packages.ts";

/** Another process receives the reports of this network namespace: another pfw runs in it. */
export class ReportsTakenError extends PfwError {}

/** libpcap's words for the kernel's EPERM: the group belongs to another socket. */
const GROUP_TAKEN = /^Can't listen on group/;

/**
 * A failure of libpcap as the error that people see.
 *
 * @param next what to do where the failure itself does not tell
 */
export function captureError(what: string, error: unknown, next = ""): PfwError {
  if (error instanceof PcapMissingError) {
    const how = installHint(["libpcap"]);
    return new PfwError(what, error.message, how, ExitCode.missing, { cause: error });
  }
  const why = errorText(error).replace(/ \(os error \d+\).*$/, "");
  if (GROUP_TAKEN.test(why)) {
    return new ReportsTakenError(
      what,
      "another pfw runs in this network namespace, with another run directory",
      "end it with `pfw stop --run-dir DIRECTORY`",
      ExitCode.failed,
      { cause: error },
    );
  }
  const code = error instanceof PcapError ? error.code : 0;
  if (code === PcapErrorCode.noSuchDevice || /no such device/i.test(why)) {
    const next = `interfaces here: ${interfaceNames().join(", ")}`;
    return new PfwError(what, "no such interface", next, ExitCode.usage, { cause: error });
  }
  if (
    code === PcapErrorCode.permissionDenied || code === PcapErrorCode.promiscPermissionDenied ||
    error instanceof Deno.errors.PermissionDenied
  ) {
    const next = "run it with sudo";
    return new PfwError(what, "not permitted", next, ExitCode.missing, { cause: error });
  }
  if (/^filter: /.test(why)) {
    const next = "see pcap-filter(7)";
    return new PfwError(what, why, next, ExitCode.usage, { cause: error });
  }
  return new PfwError(what, why, next, ExitCode.failed, { cause: error });
}

function interfaceNames(): string[] {
  return [...new Set(Deno.networkInterfaces().map(({ name }) => name))].concat("any");
}
