import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface IButton {
  label: string;
  onClick: () => void;
  disabled?: boolean;
  /** Why it is disabled, or more about it. */
  hint?: string;
}

/** A button with a text, as JupyterLab's dialogs have. */
export function Button({
  label,
  onClick,
  disabled,
  hint,
  kind = 'plain',
  busy
}: IButton & { kind?: 'plain' | 'accept' | 'warn'; busy?: boolean }): JSX.Element {
  const style = { plain: 'jp-mod-reject', accept: 'jp-mod-accept', warn: 'jp-mod-warn' }[kind];
  return (
    <button
      type="button"
      className={`jp-mod-styled ${style} ccp-Button`}
      onClick={onClick}
      disabled={disabled || busy}
      aria-busy={busy}
      title={hint}
    >
      {label}
    </button>
  );
}

/** A button with an icon, as JupyterLab's toolbars have. */
export function IconButton({
  icon,
  label,
  onClick,
  disabled,
  hint,
  pressed,
  tabIndex
}: IButton & {
  icon: LabIcon;
  pressed?: boolean;
  /** -1 in rows of a list that have not the focus: the Tab key passes them by. */
  tabIndex?: number;
}): JSX.Element {
  return (
    <button
      type="button"
      className="ccp-IconButton"
      onClick={event => {
        event.stopPropagation();
        onClick();
      }}
      disabled={disabled}
      aria-label={label}
      aria-pressed={pressed}
      tabIndex={tabIndex}
      title={hint ?? label}
    >
      <icon.react tag="span" elementSize="normal" />
    </button>
  );
}

/** A link that looks like an `IconButton`; browsers download what it leads to. */
export function IconLink({
  icon,
  label,
  href,
  download,
  tabIndex
}: {
  icon: LabIcon;
  label: string;
  href: string;
  download?: boolean;
  tabIndex?: number;
}): JSX.Element {
  return (
    <a
      className="ccp-IconButton"
      href={href}
      download={download ? '' : undefined}
      target={download ? undefined : '_blank'}
      rel="noreferrer"
      aria-label={label}
      title={label}
      tabIndex={tabIndex}
      onClick={event => event.stopPropagation()}
    >
      <icon.react tag="span" elementSize="normal" />
    </a>
  );
}

/** Let the browser download something, where there is no link to click. */
export function download(href: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = '';
  link.click();
}
