import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';
import type { ILogLine } from '../../data';
import { useTools } from '../../react';
import { clean, cut } from './lines';

const HEIGHT = 18;

/** Lines of a log, of which only those in sight are drawn; stays at the end while it is followed. */
export function LogLines({
  lines,
  text,
  hit,
  follow,
  setFollow,
  wrap,
  several
}: {
  lines: readonly ILogLine[];
  /** What is searched; marked wherever it occurs. */
  text: string;
  /** Index of the line that shall be in sight; -1 for none. */
  hit: number;
  follow: boolean;
  setFollow: (follow: boolean) => void;
  wrap: boolean;
  /** Whether lines say which replica or batch wrote them. */
  several: boolean;
}): JSX.Element {
  const { trans } = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => HEIGHT,
    overscan: 20
  });
  const { scrollToIndex } = virtual;
  React.useLayoutEffect(() => {
    if (follow && lines.length) {
      scrollToIndex(lines.length - 1, { align: 'end' });
    }
  }, [follow, lines, wrap, scrollToIndex]);
  React.useLayoutEffect(() => {
    if (hit >= 0) {
      scrollToIndex(hit, { align: 'center' });
    }
  }, [hit, scrollToIndex]);
  const digits = String(lines.length).length;
  // Away from the end by hand: stop following, so that nothing jumps.
  const away = (event: React.WheelEvent | React.KeyboardEvent) => {
    const up =
      'deltaY' in event ? event.deltaY < 0 : ['ArrowUp', 'PageUp', 'Home'].includes(event.key);
    if (follow && up) {
      setFollow(false);
    }
  };
  return (
    // Listens only to how it is scrolled.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      ref={frame}
      className="ccp-Log-lines"
      data-wrap={wrap}
      role="log"
      aria-live="off"
      aria-label={trans('Log')}
      // Scrolled by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onWheel={away}
      onKeyDown={away}
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map(({ key, index, start }) => (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            className="ccp-Log-line"
            data-stream={lines[index].stream}
            data-hit={index === hit}
            style={{ transform: `translateY(${start}px)` }}
          >
            <span className="ccp-Log-number" aria-hidden style={{ minWidth: `${digits}ch` }}>
              {index + 1}
            </span>
            {several && <span className="ccp-Log-task">{lines[index].task}</span>}
            <span className="ccp-Log-text">
              <Marked line={clean(lines[index].text)} text={text} />
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}

function Marked({ line, text }: { line: string; text: string }): JSX.Element {
  const pieces = cut(line, text);
  return (
    <>{pieces.map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece))}</>
  );
}
