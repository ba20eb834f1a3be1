-- Answers are kept as they were signed, so that the provider, too, can show the evidence of an approval.
ALTER TABLE answer ADD COLUMN jws TEXT;
