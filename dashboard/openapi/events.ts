/** The schema of one server-sent event: OpenAPI 3.1 has no words of its own for streams. */
import * as z from "zod";
import { EVENT_TEXTS, EVENTS } from "./live.ts";
import { answer, nameOf } from "./names.ts";

type EventName = keyof typeof EVENTS;

const names = Object.keys(EVENTS) as EventName[];

const eventOf = (name: EventName) =>
  z.strictObject({
    event: z.literal(name),
    id: z.string().optional().describe("The newest `seq`."),
    data: z.string().meta({
      contentMediaType: "application/json",
      contentSchema: { $ref: `#/components/schemas/${nameOf(EVENTS[name])}` },
    }),
  }).describe(EVENT_TEXTS[name]);

/** One event of the stream. */
export const events = answer(
  "Event",
  z.union(names.map(eventOf)).describe("One event of the stream: its lines as an object."),
);
