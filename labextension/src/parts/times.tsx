import { Time as LabTime } from '@jupyterlab/coreutils';
import * as React from 'react';

/** A moment, as "2 minutes ago"; the exact one shows on hovering. */
export function Ago({ at }: { at: string }): JSX.Element {
  useSecond(30);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {LabTime.formatHuman(new Date(at))}
    </time>
  );
}

/** How long something took, or has taken until now. */
export function Duration({ from, to }: { from: string; to?: string | null }): JSX.Element {
  useSecond(to ? 0 : 1);
  const end = to ? Date.parse(to) : Date.now();
  return <span className="ccp-Duration">{duration((end - Date.parse(from)) / 1000)}</span>;
}

/** Seconds in words: `0.4 s`, `12 s`, `3:05 min`, `2:10:00 h`. */
export function duration(seconds: number): string {
  const all = Math.max(0, seconds);
  if (all < 60) {
    return all < 10 ? `${all.toFixed(1)} s` : `${Math.floor(all)} s`;
  }
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (all < 3600) {
    return `${Math.floor(all / 60)}:${two(all % 60)} min`;
  }
  return `${Math.floor(all / 3600)}:${two((all / 60) % 60)}:${two(all % 60)} h`;
}

/** Bytes in words. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Draw anew every so many seconds; 0 for never. */
function useSecond(seconds: number): void {
  const [, setNumber] = React.useState(0);
  React.useEffect(() => {
    if (!seconds) {
      return;
    }
    const timer = setInterval(() => setNumber(each => each + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}
