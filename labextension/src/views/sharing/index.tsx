import * as React from 'react';
import { Button, Modal } from '../../parts';
import { useTools } from '../../react';
import { Links } from './links';
import { WithWhom } from './whom';

export interface ISharingProps {
  /** What is shared, at the service: `processes/ID` or `jobs/ID`, the id quoted (`pathOf`). */
  target: string;
  /** Of the Method or Execution, for the heading. */
  title: string;
  onClose: () => void;
}

/** With whom a Method or an Execution is shared, and the links that lead to a copy of it. */
export function SharingDialog({ target, title, onClose }: ISharingProps): JSX.Element {
  const { trans } = useTools();
  const [changed, setChanged] = React.useState(false);
  const [warned, setWarned] = React.useState(false);
  const losing = changed && warned;
  const close = () => (changed && !warned ? setWarned(true) : onClose());
  return (
    <Modal
      title={trans('Share "%1"', title)}
      onClose={close}
      footer={
        <>
          <span role="status">
            {losing && trans('With whom it is shared was changed and not saved.')}
          </span>
          <Button
            kind={losing ? 'warn' : 'plain'}
            label={losing ? trans('Close without saving') : trans('Close')}
            onClick={close}
          />
        </>
      }
    >
      <div className="ccp-Sharing">
        <WithWhom
          target={target}
          setChanged={now => {
            setChanged(now);
            setWarned(false);
          }}
        />
        <Links target={target} />
      </div>
    </Modal>
  );
}
