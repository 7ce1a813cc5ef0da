/** Whether pfw itself is well. */
import type { RunningStatus } from "../../contract.ts";
import { errorText } from "../api.ts";
import { overview } from "../live/resource.ts";
import { Fact } from "../parts/fact.tsx";
import { useAction } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { notify } from "../parts/notices.ts";
import { Problem } from "../parts/problem.tsx";
import { Foreign, Time, Told } from "../parts/text.tsx";
import { signOut } from "../session.ts";
import { formatBytes, formatCount } from "../text/number.ts";
import { LOSS_TEXTS, lostCount } from "./losses.ts";

/** The view. */
export function Health() {
  const status = overview.value.value?.status;
  if (!status) return <Problem of={overview} />;
  return (
    <div class="columns">
      <div>
        <Losses losses={status.losses} />
        <Devices devices={status.devices} />
      </div>
      <div>
        <Drift status={status} />
        <KernelSets status={status} />
        <About status={status} />
        <SignOut />
      </div>
    </div>
  );
}

function SignOut() {
  const { isBusy, run } = useAction();
  const end = () =>
    signOut().catch((error) =>
      notify({ tone: "bad", text: `not signed out: ${errorText(error)}` })
    );
  return (
    <section class="card" aria-labelledby="session-title">
      <header class="card-head">
        <h2 id="session-title">This browser</h2>
        <button type="button" aria-disabled={isBusy} onClick={() => run(end)}>Sign out</button>
      </header>
      <p class="hint">
        It stays signed in for half a week to a week after the last visit. To have every browser
        sign in again, remove the file dashboard.token from pfw's data directory and restart pfw.
      </p>
    </section>
  );
}

function Losses({ losses }: { readonly losses: RunningStatus["losses"] }) {
  const lost = lostCount(losses);
  return (
    <section class="card" aria-labelledby="losses-title">
      <header class="card-head">
        <h2 id="losses-title">Losses</h2>
        <State isGood={lost === 0} text={lost === 0 ? "Nothing was lost" : "Something was lost"} />
      </header>
      <table class="table loss-table">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" class="number">Count</th>
          </tr>
        </thead>
        <tbody>
          {LOSS_TEXTS.map(({ key, name, text, isHarmless }) => (
            <tr key={key} class={!isHarmless && losses[key] > 0 ? "loss" : ""}>
              <th scope="row">
                {name}
                <span class="hint">{text}</span>
              </th>
              <td class="number">{formatCount(losses[key])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function State({ isGood, text }: { readonly isGood: boolean; readonly text: string }) {
  return (
    <span class={`tag tag-${isGood ? "good" : "bad"}`}>
      <Icon name={isGood ? "check" : "warn"} size={14} /> {text}
    </span>
  );
}

function Devices({ devices }: { readonly devices: RunningStatus["devices"] }) {
  return (
    <section class="card" aria-labelledby="devices-title">
      <header class="card-head">
        <h2 id="devices-title">Devices</h2>
      </header>
      <div class="scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col" class="number">Received</th>
              <th scope="col" class="number">Ring drops</th>
              <th scope="col" class="number">Card drops</th>
            </tr>
          </thead>
          <tbody>
            {devices.map(({ name, open, received, droppedByRing, droppedByInterface }) => (
              <tr key={name}>
                <th scope="row">
                  <Foreign text={name} />
                </th>
                <td>{open ? "open" : "closed"}</td>
                <td class="number">{formatCount(received)}</td>
                <td class="number">{formatCount(droppedByRing)}</td>
                <td class="number">{formatCount(droppedByInterface)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Drift({ status: { drift, mode } }: { readonly status: RunningStatus }) {
  const isGood = !drift || drift.failed === 0;
  return (
    <section class="card" aria-labelledby="drift-title">
      <header class="card-head">
        <h2 id="drift-title">Changes by others</h2>
        {drift && <State isGood={isGood} text={isGood ? "In place" : "Not repaired"} />}
      </header>
      <p class="hint">
        Other programs that change pfw's rules in the kernel are found within ten seconds.
      </p>
      {!drift && (
        <p class="quiet">
          {mode === "monitor" ? "pfw only monitors: it has nothing in the kernel." : "Not known."}
        </p>
      )}
      {drift && (
        <dl class="facts">
          <Fact name="repaired">{formatCount(drift.repaired)}</Fact>
          <Fact name="failed">{formatCount(drift.failed)}</Fact>
          {drift.last && (
            <Fact name="last">
              <Time at={drift.last.at} />
            </Fact>
          )}
        </dl>
      )}
      <ul class="differences">
        {drift?.last?.differences.map((difference, at) => (
          <li key={at}>
            <Foreign text={difference} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function KernelSets({ status: { kernel } }: { readonly status: RunningStatus }) {
  if (!kernel) return null;
  const { inPlace, differences, sets, chains, rules } = kernel;
  return (
    <section class="card" aria-labelledby="sets-title">
      <header class="card-head">
        <h2 id="sets-title">In the kernel</h2>
        <State isGood={inPlace} text={inPlace ? "All in place" : "Not as it should be"} />
      </header>
      {differences.map((text, at) => <Told key={at} outcome={{ tone: "bad", text }} />)}
      <p class="quiet">
        {formatCount(chains)} chains, {formatCount(rules)} rules
      </p>
      <div class="scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Set</th>
              <th scope="col" class="number">Entries</th>
              <th scope="col" class="number">Memory</th>
            </tr>
          </thead>
          <tbody>
            {sets.map(({ name, entries, memory }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="number">{formatCount(entries)}</td>
                <td class="number">{formatBytes(memory)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function About({ status }: { readonly status: RunningStatus }) {
  const { version, pid, memory, config, database, since, totals } = status;
  return (
    <section class="card" aria-labelledby="about-title">
      <header class="card-head">
        <h2 id="about-title">pfw</h2>
      </header>
      {database.fault && (
        <Told outcome={{ tone: "bad", text: `The database fails: ${database.fault}` }} />
      )}
      <dl class="facts facts-wide">
        <Fact name="version">
          <Foreign text={version} />
        </Fact>
        <Fact name="running since">
          <Time at={since} />
        </Fact>
        <Fact name="process">{pid}</Fact>
        <Fact name="memory">{formatBytes(memory)}</Fact>
        <Fact name="seen">
          {formatCount(totals.packets)} packets, {formatBytes(totals.bytes)}
        </Fact>
        <Fact name="not understood">{formatCount(totals.undecodable)} packets</Fact>
        <Fact name="configuration">
          <Foreign text={config} />
        </Fact>
        <Fact name="database">
          <Foreign text={database.path} />
        </Fact>
      </dl>
    </section>
  );
}
