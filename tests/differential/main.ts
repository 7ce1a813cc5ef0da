/**
 * `deno task differential`: random packets under random policies, through a real kernel, the rules
 * as they are written and the matcher. All three must say the same of every packet.
 */
import { parseArgs } from "node:util";
import { errorText } from "../../engine/errors.ts";
import { hasLibpcap } from "../support/capture_reader.ts";
import { kernelTestsAvailable } from "../support/netns.ts";
import { buildShots } from "./build_shots.ts";
import { type CampaignFailure, type CampaignTotals, runCampaign } from "./campaign.ts";
import { saveEntry } from "./corpus.ts";
import { Lab } from "./lab.ts";

const USAGE = `usage: deno task differential [options]

  --policies N       random policies; default 500
  --conversations N  the most under each policy, about five packets each; default 200
  --seed N           repeats the run of that seed; default: another one each time
  --path P           begins where a failing run says that it failed
  --legacy           with the legacy backend of iptables
  --save NAME        keeps the smallest difference as corpus/NAME.json`;

const { values } = parseArgs({
  options: {
    policies: { type: "string", default: "500" },
    conversations: { type: "string", default: "200" },
    seed: { type: "string" },
    path: { type: "string" },
    legacy: { type: "boolean", default: false },
    save: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new TypeError(`--${name} takes a whole number`);
  return value;
}

function summary(totals: CampaignTotals, started: number): string {
  const seconds = Math.round((performance.now() - started) / 1000);
  const { policies, packets, pieces, rules, rulesMet, fates } = totals;
  const kinds = [...fates].sort((a, b) => b[1] - a[1])
    .map(([kind, count]) => `${kind} ${count.toLocaleString("en-US")}`).join(", ");
  return `${policies} policies, ${packets.toLocaleString("en-US")} packets in ` +
    `${pieces.toLocaleString("en-US")} pieces, ${seconds} s; ${rulesMet} of ${rules} rules met; ` +
    kinds;
}

/** Tells what differed, and keeps it where that is asked for. */
async function report(lab: Lab, failure: CampaignFailure, seed: number): Promise<void> {
  const { scenario, differences, path } = failure;
  console.error(`DIFFERENT, with --seed ${seed} --path ${path}:`);
  for (const line of differences.slice(0, 10)) console.error(`  ${line}`);
  console.error(JSON.stringify(scenario.policy));
  if (!values.save) return;
  const policy = lab.fresh(scenario.policy);
  const shots = buildShots(policy, scenario.conversations);
  const { fates } = await lab.fire(policy, shots);
  console.error(`kept as ${saveEntry(values.save, differences[0], policy, shots, fates)}`);
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { ok, reason } = kernelTestsAvailable();
  if (!ok || !hasLibpcap) {
    console.error(`differential: cannot run here: ${ok ? "needs libpcap" : reason}`);
    return 4;
  }
  const seed = values.seed === undefined
    ? Math.floor(Math.random() * 2 ** 31)
    : number("seed", values.seed);
  console.log(`seed ${seed}`);
  const started = performance.now();
  await using lab = await Lab.create(values.legacy ? "legacy" : "default");
  const { totals, failure } = await runCampaign(lab, {
    policies: number("policies", values.policies),
    conversations: number("conversations", values.conversations),
    seed,
    path: values.path,
    progress: (totals) => {
      if (totals.policies % 50 === 0) console.log(summary(totals, started));
    },
  });
  if (failure) await report(lab, failure, seed);
  console.log(`${summary(totals, started)}; ${failure ? "DIFFERENT" : "no difference"}`);
  return failure ? 1 : 0;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`differential: ${errorText(error)}\n${USAGE}`);
  Deno.exitCode = 2;
}
