package audit

import "golang.org/x/mod/sumdb/tlog"

// AtStep has f told how far Prune is: the points where it may die.
func (c *Config) AtStep(f func(step string)) { c.step = f }

// Steps are those points, in their order.
func Steps() []string {
	return []string{stepRecorded, stepDurable, stepWriting, stepWritten, stepReplaced}
}

// MarkEvery has a mark kept after so many records.
func (c *Config) MarkEvery(n uint64) { c.every = n }

// Unchecked is a line that stands for these records, which follow each other, and their
// digest.
func Unchecked(first uint64, records ...string) (line string, digest [32]byte) {
	g, set := gap{first: first}, newPrunedSet()
	for i, r := range records {
		g.hashes = append(g.hashes, tlog.RecordHash([]byte(r)))
		set.add(first+uint64(i), g.hashes[i])
	}
	g.by = set.digest()
	return string(g.append(nil)), g.by
}
