/** Holds a uPlot: makes it anew for other colours, and otherwise only gives it figures. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colours } from "../shell/theme.ts";
import { type ChartColours, readColours } from "./colours.ts";
import type { PanelEvents } from "./panel.ts";

/** A chart as wide as its place. */
export function Canvas(
  { label, data, panel, onPoint }: PanelEvents & {
    /** What it shows, for who does not see it. */
    readonly label: string;
    readonly data: uPlot.AlignedData;
    readonly panel: (colours: ChartColours, events: PanelEvents) => uPlot.Options;
  },
) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = colours.value;
  useEffect(() => {
    const element = place.current!;
    const options = panel(readColours(), { onPoint });
    const made = new uPlot({ ...options, width: element.clientWidth || 300 }, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width } = element;
      if (width > 0 && width !== made.width) made.setSize({ width, height: options.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="canvas" ref={place} role="img" aria-label={label} />;
}
