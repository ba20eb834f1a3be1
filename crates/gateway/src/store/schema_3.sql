-- Approvals that ended are forgotten after a while, oldest first.
CREATE INDEX approval_ended ON approval (decided_at) WHERE decided_at IS NOT NULL;
