/** Places: GeoJSON as text, or a box by its four sides. */

import * as React from 'react';
import { Button } from '../../parts';
import { useTools } from '../../react';
import { attributesOf, IControl } from './controls';
import { numberOf } from './values';

type Sides = [west: string, south: string, east: string, north: string];

export function BoxControl(props: IControl): JSX.Element {
  const { trans } = useTools();
  const { value, onChange, id } = props;
  const [sides, setSides] = React.useState<Sides>(() => sidesOf(value));
  React.useEffect(() => {
    const found = sidesOf(value);
    if (found.some(each => each !== '')) {
      setSides(found);
    }
  }, [value]);
  const names = [trans('West'), trans('South'), trans('East'), trans('North')];
  const box = boxOf(sides);
  return (
    <div className="ccp-Field-map">
      <div className="ccp-Field-row" role="group" aria-label={trans('Box')}>
        {sides.map((side, index) => (
          <label key={names[index]} className="ccp-Field-side">
            {names[index]}
            <input
              className="jp-mod-styled"
              type="number"
              step="any"
              min={index % 2 ? -90 : -180}
              max={index % 2 ? 90 : 180}
              value={side}
              onChange={event => {
                const next = [...sides] as Sides;
                next[index] = event.target.value;
                setSides(next);
                const made = boxOf(next);
                if (made) {
                  onChange(made);
                }
              }}
            />
          </label>
        ))}
        {box && box !== value && <Button label={trans('Use box')} onClick={() => onChange(box)} />}
      </div>
      <textarea
        {...attributesOf(props)}
        id={id}
        className="jp-mod-styled ccp-Field-input ccp-Field-geo"
        rows={3}
        spellCheck={false}
        placeholder={trans('GeoJSON, such as {"type": "Point", "coordinates": [7.1, 50.7]}')}
        value={value}
        onChange={event => onChange(event.target.value)}
      />
    </div>
  );
}

/** A box as GeoJSON, counterclockwise; null while it is none. */
export function boxOf(sides: readonly string[]): string | null {
  const numbers = sides.map(numberOf);
  if (numbers.some(each => typeof each === 'string')) {
    return null;
  }
  const [west, south, east, north] = numbers as number[];
  const isOnEarth =
    west >= -180 && east <= 180 && south >= -90 && north <= 90 && west < east && south < north;
  if (!isOnEarth) {
    return null;
  }
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south]
  ];
  return JSON.stringify({ type: 'Polygon', coordinates: [ring] });
}

/** The sides of what a GeoJSON text encloses; empty texts when it is none. */
export function sidesOf(value: string): Sides {
  const points: number[][] = [];
  const walk = (found: unknown): void => {
    if (Array.isArray(found) && typeof found[0] === 'number') {
      points.push(found as number[]);
    } else if (found && typeof found === 'object') {
      Object.entries(found)
        .filter(([key]) => Array.isArray(found) || /^(coordinates|geometr|features)/.test(key))
        .forEach(([, each]) => walk(each));
    }
  };
  try {
    walk(JSON.parse(value));
  } catch {
    return ['', '', '', ''];
  }
  const places = points.filter(each => each.length > 1);
  if (!places.length) {
    return ['', '', '', ''];
  }
  const xs = places.map(each => each[0]);
  const ys = places.map(each => each[1]);
  const edges = [xs.reduce(least), ys.reduce(least), xs.reduce(most), ys.reduce(most)];
  return edges.map(String) as Sides;
}

const least = (one: number, other: number) => Math.min(one, other);
const most = (one: number, other: number) => Math.max(one, other);
