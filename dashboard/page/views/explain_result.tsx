/** The answer to a question about a connection. */
import type { ExplainAnswer } from "../../contract.ts";
import { now } from "../live/clock.ts";
import { Address } from "../parts/address.tsx";
import { Evidence } from "../parts/evidence.tsx";
import { Fact } from "../parts/fact.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Foreign, Told } from "../parts/text.tsx";
import { formatBytes, formatCount } from "../text/number.ts";
import { REASON_NAMES } from "../text/reason.ts";
import { formatSpan } from "../text/time.ts";

type Step = ExplainAnswer["steps"][number];

/** Verdict, steps, evidence. */
export function ExplainResult({ answer }: { readonly answer: ExplainAnswer }) {
  return (
    <div class="columns">
      <div>
        <Verdict answer={answer} />
        <Steps steps={answer.steps} />
      </div>
      <div>
        <Kernel answer={answer} />
        <BanCard answer={answer} />
        <FeedsCard answer={answer} />
      </div>
    </div>
  );
}

function Verdict({ answer }: { readonly answer: ExplainAnswer }) {
  const { action, enforced, reason, address, direction, protocol, port, warnings } = answer;
  const isBlocked = action === "block";
  const verb = isBlocked
    ? enforced ? "Blocked" : "Would be blocked"
    : enforced
    ? "Allowed"
    : "Would be allowed";
  const what = [protocol?.toUpperCase(), port === undefined ? "" : `port ${port}`]
    .filter(Boolean).join(" ");
  return (
    <section class={`card verdict verdict-${action}`} aria-label="Verdict">
      <p class="verdict-word">
        <Icon name={isBlocked ? "bans" : "check"} size={26} />
        {verb}
      </p>
      <p>
        <Address address={address} /> {direction === "in" ? "connecting to us" : "as our target"}
        {what && `, ${what}`}: <Foreign text={reason} />
      </p>
      {warnings.map((warning) => <Told key={warning} outcome={{ tone: "warn", text: warning }} />)}
    </section>
  );
}

const OUTCOMES: Readonly<Record<Step["outcome"], { icon: IconName; text: string }>> = {
  decides: { icon: "check", text: "decides" },
  passes: { icon: "into", text: "passes on" },
  depends: { icon: "explain", text: "depends" },
  unreached: { icon: "off", text: "not reached" },
};

function Steps({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <section class="card" aria-labelledby="steps-title">
      <header class="card-head">
        <h2 id="steps-title">Step by step</h2>
      </header>
      <ol class="steps">
        {steps.map((step, at) => {
          const { icon, text } = OUTCOMES[step.outcome];
          return (
            <li key={at} class={`step step-${step.outcome} step-${step.action}`}>
              <span class="step-icon">
                <Icon name={icon} size={16} />
              </span>
              <span class="step-name">
                {REASON_NAMES[step.code]}
                {step.rule && ` ${step.rule.number}`}
              </span>
              <span class="step-text">
                <Foreign text={step.text} />
              </span>
              <span class="step-outcome">
                {step.outcome === "decides"
                  ? step.action === "block" ? "decides: block" : "decides: allow"
                  : text}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Kernel({ answer: { kernel, enforced } }: { readonly answer: ExplainAnswer }) {
  return (
    <section class="card" aria-labelledby="kernel-title">
      <header class="card-head">
        <h2 id="kernel-title">In the kernel</h2>
      </header>
      {!kernel && (
        <p class="quiet">
          {enforced
            ? "The kernel was not asked."
            : "This pfw enforces nothing, and did not ask the kernel."}
        </p>
      )}
      {kernel && (
        <dl class="facts">
          {kernel.set && (
            <Fact name="set">
              <code>{kernel.set}</code> {kernel.isInSet ? "holds it" : "does not hold it"}
            </Fact>
          )}
          {kernel.chain && (
            <Fact name="chain">
              <code>{kernel.chain}</code>{" "}
              {kernel.tables.length > 0 ? `in ${kernel.tables.join(", ")}` : "is not there"}
            </Fact>
          )}
          {kernel.chain && (
            <Fact name="counted">
              {formatCount(kernel.packets)} packets, {formatBytes(kernel.bytes)}
            </Fact>
          )}
          {!kernel.set && !kernel.chain && (
            <Fact name="counted">Nothing of pfw counts what passes here.</Fact>
          )}
        </dl>
      )}
    </section>
  );
}

function BanCard({ answer: { ban } }: { readonly answer: ExplainAnswer }) {
  if (!ban) return null;
  const left = (Date.parse(ban.until) - now.value) / 1_000;
  return (
    <section class="card" aria-labelledby="ban-title">
      <header class="card-head">
        <h2 id="ban-title">Its ban</h2>
        <span class="quiet">{formatSpan(left)} left</span>
      </header>
      <p>
        <Address address={ban.address} />: <Foreign text={ban.reason} />
      </p>
      <Evidence evidence={ban.evidence} />
    </section>
  );
}

function FeedsCard({ answer: { feeds } }: { readonly answer: ExplainAnswer }) {
  if (feeds.length === 0) return null;
  return (
    <section class="card" aria-labelledby="listings-title">
      <header class="card-head">
        <h2 id="listings-title">Listed by</h2>
      </header>
      <ul class="brief">
        {feeds.map(({ feed, entry, level }) => (
          <li key={feed + entry}>
            <Foreign text={feed} class="brief-name" />
            <span class="brief-end">{level > 0 && `level ${level}`}</span>
            <span class="brief-more">
              <Foreign text={entry} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
