/**
 * Runs `removeEmptyTables` in the network namespace that this process was started in: a test's own
 * process stays in the machine's.
 */
import { SystemCommands } from "../../engine/kernel/command.ts";
import { removeEmptyTables } from "../../engine/kernel/created_tables.ts";

if (import.meta.main) await removeEmptyTables(new SystemCommands(), JSON.parse(Deno.args[0]));
