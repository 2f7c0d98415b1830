-- A peer says that this node signed two histories, and shows the other one: nothing is paid out. Without a proof only the
-- stream to that peer stops.
ALTER TABLE outbound_streams ADD COLUMN fork_proven INTEGER NOT NULL DEFAULT 0;
-- Until now a peer's word was enough.
UPDATE outbound_streams SET fork_proven = forked;
