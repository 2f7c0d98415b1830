import { headOffice } from '../ids/ids.ts';
import type { Node } from '../node/node.ts';
import { State } from './components.tsx';
import { frameTexts } from './frame-texts.ts';
import type { Pages } from './pages.tsx';

/** The line under the menu: how this node stands among the others. */
export function nodeStatusPages({
  pages,
  node,
}: {
  pages: Pages;
  node: Pick<Node, 'federation' | 'references'>;
}): void {
  async function status() {
    const outbound = await node.federation.outbound();
    const waiting = outbound.filter((stream) => stream.acknowledged < stream.position);
    return {
      release: node.references.current()?.version,
      behind: [...new Set(waiting.map(({ peer }) => peer))].filter(
        (peer) => !node.federation.liveness.isReachable(peer),
      ),
      isRecovering: node.federation.isRecovering(),
    };
  }

  pages.fragment({ path: '/node-status', permission: 'signed-in' }, async (view) => {
    const words = view.words(frameTexts);
    const { release, behind, isRecovering } = await status();
    const branches = behind.filter((peer) => peer !== headOffice);
    return (
      <>
        <p>{release === undefined ? words.statusNoRelease : words.statusRelease(release)}</p>
        {isRecovering ? (
          <p>
            <State tone="bad">{words.statusRecovering}</State>
          </p>
        ) : null}
        {behind.includes(headOffice) ? (
          <p>
            <State tone="warn">{words.statusHqAway}</State>
          </p>
        ) : null}
        <p>
          {branches.length === 0 ? (
            <State tone="good">{words.statusWell}</State>
          ) : (
            <State tone="warn">{words.statusBehind(branches.join(', '))}</State>
          )}
        </p>
      </>
    );
  });
}
