import * as React from 'react';

export interface ITab {
  id: string;
  label: string;
  /** Beside the label: how many there are. */
  count?: number;
}

/** Tabs with their one shown panel; arrow keys, Home and End go from tab to tab. */
export function Tabs({
  tabs,
  current,
  onChange,
  label,
  children
}: React.PropsWithChildren<{
  tabs: readonly ITab[];
  current: string;
  onChange: (id: string) => void;
  label: string;
}>): JSX.Element {
  const name = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex(tab => tab.id === current)
  );
  const move = (event: React.KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1
    };
    if (event.key in steps) {
      event.preventDefault();
      const next = steps[event.key];
      onChange(tabs[next].id);
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
    }
  };
  return (
    <>
      <div ref={list} className="ccp-Tabs" role="tablist" aria-label={label}>
        {tabs.map((tab, index) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${name}-${tab.id}`}
            className="ccp-Tab"
            aria-selected={index === at}
            aria-controls={index === at ? `${name}-panel` : undefined}
            tabIndex={index === at ? 0 : -1}
            onClick={() => onChange(tab.id)}
            onKeyDown={move}
          >
            {tab.label}
            {tab.count !== undefined && <span className="ccp-Tab-count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div
        id={`${name}-panel`}
        className="ccp-Tab-panel"
        role="tabpanel"
        aria-labelledby={`${name}-${tabs[at]?.id}`}
      >
        {children}
      </div>
    </>
  );
}
