-- Few streams of all the starts that ever were owe anything or have two histories, and each hello asks for them.
CREATE INDEX outbound_streams_owing ON outbound_streams (peer, epoch) WHERE acknowledged < position;
CREATE INDEX outbound_streams_of_start ON outbound_streams (epoch);
CREATE INDEX outbound_streams_forked ON outbound_streams (peer, epoch) WHERE forked = 1;
CREATE INDEX inbound_streams_forked ON inbound_streams (peer, epoch) WHERE forked = 1;
