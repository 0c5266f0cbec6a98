import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { useTools } from '../react';
import { IconButton } from './buttons';

const FIRST = '.ccp-Modal-body :is(input, select, textarea, button), .ccp-Modal-footer button';

/**
 * A dialog above everything, as JupyterLab's look: Escape closes it, and the focus returns to where
 * it was.
 *
 * A click beside it closes nothing: what was typed would be lost.
 */
export function Modal({
  title,
  onClose,
  children,
  footer
}: React.PropsWithChildren<{
  title: string;
  onClose: () => void;
  /** Buttons at its end. */
  footer?: React.ReactNode;
}>): JSX.Element {
  const { trans } = useTools();
  const dialog = React.useRef<HTMLDialogElement>(null);
  const id = React.useId();
  const [closings, setClosings] = React.useState(0);
  React.useLayoutEffect(() => {
    // Also when its owner keeps it open, but the browser closed it.
    if (closings && !dialog.current?.open) {
      dialog.current?.showModal?.();
    }
  }, [closings]);
  React.useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal?.();
    // The browser takes the first button, which closes; what one came for is further down.
    if (
      shown?.contains(document.activeElement) &&
      document.activeElement?.closest('.ccp-Modal-header')
    ) {
      shown.querySelector<HTMLElement>(FIRST)?.focus();
    }
    // Closed before it is removed, else the focus would be lost.
    return () => shown?.close?.();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="ccp-Modal"
      aria-labelledby={id}
      data-lm-suppress-shortcuts
      onCancel={event => {
        event.preventDefault();
        onClose();
      }}
      // Browsers ask only once before they close: the second Escape comes here.
      onClose={() => {
        setClosings(number => number + 1);
        onClose();
      }}
    >
      <div className="ccp-Modal-header">
        <h2 id={id}>{title}</h2>
        <IconButton icon={closeIcon} label={trans('Close')} onClick={onClose} />
      </div>
      <div className="ccp-Modal-body">{children}</div>
      {footer && <div className="ccp-Modal-footer">{footer}</div>}
    </dialog>
  );
}
