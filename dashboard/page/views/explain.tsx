/** Why a connection passes or does not. */
import { useEffect, useState } from "preact/hooks";
import type { ExplainAnswer, ExplainRequest } from "../../contract.ts";
import { errorText, post } from "../api.ts";
import { Choice, Field } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { type Outcome, say } from "../parts/notices.ts";
import { PortField } from "../parts/port_field.tsx";
import { Empty, Told } from "../parts/text.tsx";
import { goTo, route } from "../shell/route.ts";
import { ExplainResult } from "./explain_result.tsx";

type Protocol = "" | NonNullable<ExplainRequest["protocol"]>;

/** The question stands in the address of the page, so that it can be reloaded and kept. */
export function Explain() {
  const at = route.value;
  const { params } = at;
  const asked = JSON.stringify(params);
  const [answer, setAnswer] = useState<ExplainAnswer | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  useEffect(() => {
    setAnswer(null);
    setOutcome(null);
    if (!params.address) return;
    let isWanted = true;
    post<ExplainAnswer>("/explain", toRequest(params)).then((found) => {
      if (!isWanted) return;
      setAnswer(found);
      say(`${found.action === "block" ? "Blocked" : "Allowed"}: ${found.reason}`);
    }, (error) => {
      if (!isWanted) return;
      setOutcome({ tone: "bad", text: errorText(error) });
      say(errorText(error));
    });
    return () => {
      isWanted = false;
    };
  }, [at]);
  return (
    <>
      <section class="card" aria-labelledby="explain-title">
        <header class="card-head">
          <h2 id="explain-title">Explain a connection</h2>
        </header>
        <ExplainForm key={asked} params={params} />
        <Told outcome={outcome} />
      </section>
      {answer
        ? <ExplainResult answer={answer} />
        : !params.address && (
          <Empty title="What happens to a connection?">
            Type an address, or press one anywhere on this page. You see every step of the policy,
            and what in the kernel stands for the verdict.
          </Empty>
        )}
    </>
  );
}

function toRequest({ address, direction, protocol, port }: Record<string, string>): ExplainRequest {
  return {
    address,
    direction: direction === "out" ? "out" : "in",
    ...(protocol && { protocol: protocol as ExplainRequest["protocol"] }),
    ...(port && { port: Number(port) }),
  };
}

function ExplainForm({ params }: { readonly params: Readonly<Record<string, string>> }) {
  const [address, setAddress] = useState(params.address ?? "");
  const [direction, setDirection] = useState(params.direction === "out" ? "out" : "in");
  const [protocol, setProtocol] = useState((params.protocol ?? "") as Protocol);
  const [port, setPort] = useState(params.port ?? "");
  const submit = (event: Event) => {
    event.preventDefault();
    goTo("explain", {
      address: address.trim(),
      direction,
      ...(protocol && { protocol }),
      ...(port.trim() && protocol !== "icmp" && { port: port.trim() }),
    });
  };
  return (
    <form class="filters" onSubmit={submit}>
      <Field label="Address of the other end">
        {(ids) => (
          <input
            {...ids}
            class="mono"
            required
            placeholder="203.0.113.7"
            autocomplete="off"
            spellcheck={false}
            value={address}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        )}
      </Field>
      <Choice
        label="Who opens the connection"
        options={[["in", "It connects to us"], ["out", "We connect to it"]]}
        value={direction as "in" | "out"}
        onChoose={setDirection}
      />
      <Field label="Protocol">
        {(ids) => (
          <select
            {...ids}
            value={protocol}
            onChange={(event) => setProtocol(event.currentTarget.value as Protocol)}
          >
            <option value="">any</option>
            <option value="tcp">TCP</option>
            <option value="udp">UDP</option>
            <option value="icmp">ICMP</option>
          </select>
        )}
      </Field>
      <PortField value={port} isDisabled={protocol === "icmp"} onInput={setPort} />
      <button type="submit" class="primary">
        <Icon name="explain" size={16} /> Explain
      </button>
    </form>
  );
}
