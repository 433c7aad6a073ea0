package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/cosignature"
)

// Options of Verify. The zero value holds the log against the checkpoint file
// beside it, if there is one.
type Options struct {
	// Checkpoints were saved earlier, elsewhere. Without one, whoever could write
	// the directory could also have rewritten the whole of it. Those of other logs
	// among them are left out; all of them may not be.
	Checkpoints []Checkpoint
	// Witnesses are keys of those who cosign checkpoints. One of them must have
	// cosigned a checkpoint of the log.
	Witnesses []*cosignature.Key
	// Keys are public keys that may sign the log's checkpoints, as the note package
	// has them. Then there must be a checkpoint that one of them signed, or one that
	// they certify on record. Without any, the log's own word is taken.
	Keys []string
	// Progress is told now and then how far it is; may be nil.
	Progress func(records uint64)
}

// Report is what Verify found.
type Report struct {
	Records     uint64
	Segments    int
	Bytes       int64
	First, Last time.Time // of the first and the last record
	Head        string    // of the chain: SHA-256 of the last line, base64
	Root        string    // of the Merkle tree, as in checkpoints
	Keys        []Key     // that sign checkpoints, in the order of their records
	Origin      string
	Proven      uint64 // records that a checkpoint covers; those after it could have been cut unnoticed
	// Elsewhere is how many of them a checkpoint of Options covers. Where there was
	// none, the whole end of the log is unproven: an older copy has a checkpoint, too.
	Elsewhere uint64
	Others    int         // checkpoints of Options that are of another log
	Witnessed []Witnessed // in the order of Options
	Live      bool        // a process was writing the log
	// Unanswered counts intents without an outcome: calls whose end is unknown
	// because the process died, or that were still running.
	Unanswered uint64
	Examples   []string // exchanges among those, at most 20, oldest first
	Pruned     Pruned   // records that are among Records and no longer there, as records of the log say
	Fault      *Fault   // the first fault; nil when there is none
}

// maxOpen bounds the intents that Verify remembers as unanswered; beyond it
// they are counted as unanswered without looking for their outcome.
const maxOpen = 1 << 17

const maxExamples = 20

// Verify reads the whole log and finds any record that was changed, removed,
// inserted or moved, and against a checkpoint also a rewritten past and a cut
// tail. What was pruned must be what a record says that a checkpoint covers. A fault is in the report and is the error, too (*Fault); any other
// error means that the log could not be read. It changes nothing and may run
// beside the writer.
func Verify(ctx context.Context, dir string, opt Options) (Report, error) {
	for attempt := 1; ; attempt++ {
		rep, again, err := verify(ctx, dir, opt)
		if !again || attempt == maxAttempts {
			return rep, err
		}
	}
}

// maxAttempts is how often Verify reads a log that is pruned meanwhile.
const maxAttempts = 4

// verify is Verify once. again says that something is missing, and that the log may say
// so behind the checkpoint that it was held against: it was pruned meanwhile.
func verify(ctx context.Context, dir string, opt Options) (rep Report, again bool, err error) {
	v := verifier{opt: opt, open: map[string]uint64{}}
	rep, err = v.run(ctx, dir)
	if v.missing && rep.Live {
		c, err := ReadCheckpoint(filepath.Join(dir, checkpointName))
		again = err == nil && c.Size > rep.Proven
	}
	return rep, again, err
}

func (v *verifier) run(ctx context.Context, dir string) (Report, error) {
	opt := v.opt
	if err := v.ring.trust(opt.Keys); err != nil {
		return v.report, err
	}
	if err := v.attend(opt.Witnesses); err != nil {
		return v.report, err
	}
	v.report.Live = locked(filepath.Join(dir, lockName))
	if f := v.collect(dir); f != nil { // before the segments, so that a log that grows is never behind it
		return v.fail(f)
	}
	slices.SortStableFunc(v.marks, func(a, b mark) int { return int(int64(a.Size) - int64(b.Size)) }) //nolint:gosec // order only
	all, err := keptSegments(dir)
	if err != nil {
		return v.report, fmt.Errorf("verifying audit log: %w", err)
	}
	for i, n := range all {
		if n != i+1 {
			return v.fail(&Fault{Segment: segmentName(i + 1), Seq: v.report.Records + 1, What: "segment is missing"})
		}
		err := v.segment(ctx, dir, n, i == len(all)-1)
		if f, ok := errors.AsType[*Fault](err); ok {
			return v.fail(f)
		}
		if err != nil {
			return v.report, fmt.Errorf("verifying audit log: %w", err)
		}
	}
	if f := v.finish(len(all)); f != nil {
		return v.fail(f)
	}
	return v.report, nil
}

// mark is a checkpoint on the way. Whoever brought it from elsewhere answers for it;
// the one beside the log must be signed when the caller named keys.
type mark struct {
	Checkpoint
	must  bool // it must be signed
	given bool // the caller has brought it
}

type verifier struct {
	opt     Options
	report  Report
	origins []string // names of the log so far
	others  []mark   // that do not fit, and have none of these
	marks   []mark   // still to be met, ascending
	head    [32]byte
	tree    edge
	ring    ring
	dec     decoder
	rec     Record
	open    map[string]uint64 // exchanges with an intent, and its seq
	over    uint64            // intents that were not remembered
	absent  absent
	// unchained: the record before was pruned, so that its hash is not known. The next
	// one is proved by the tree alone.
	unchained bool
	missing   bool // records are, and no record under a checkpoint says that they were pruned
}

func (v *verifier) fail(f *Fault) (Report, error) {
	v.report.Fault = f
	v.conclude()
	return v.report, f
}

func (v *verifier) segment(ctx context.Context, dir string, n int, last bool) error {
	s, err := openKept(dir, n)
	if err != nil {
		return err
	}
	defer s.file.Close()
	v.report.Segments++
	v.absent.begin()
	for {
		if err := cancelled(ctx, v.report.Records); err != nil {
			return err
		}
		line, g, err := s.step()
		seq := v.report.Records + 1
		switch {
		case errors.Is(err, io.EOF) && s.line == 0 && !last:
			return s.fault(seq, errors.New("segment is empty, and a later one exists"))
		case errors.Is(err, io.EOF), errors.Is(err, errPartial) && last && v.report.Live:
			v.report.Bytes += s.off
			if err := v.absent.end(); err != nil {
				return &Fault{Segment: segmentName(n), Seq: seq, What: err.Error()}
			}
			return nil
		case errors.Is(err, errPartial), errors.Is(err, errTooLong), errors.Is(err, errGap), errors.Is(err, errDamaged):
			return s.fault(seq, err)
		case err != nil:
			return err
		case g != nil:
			err = v.gap(n, g, s.line == 1)
		default:
			err = v.record(line, s.line == 1)
		}
		if past, ok := errors.AsType[*pastError](err); ok {
			if f := firstChange(ctx, dir, past); f != nil {
				return f
			}
		}
		if err != nil {
			return s.fault(seq, err)
		}
	}
}

// gap checks a line that stands for pruned records against the checkpoints.
func (v *verifier) gap(segment int, g *gap, first bool) error {
	switch {
	case first:
		return errors.New("a segment begins with a start record")
	case g.first != v.report.Records+1:
		return fmt.Errorf("the pruned records begin with number %d", g.first)
	}
	v.unchained = true
	for _, hash := range g.hashes {
		v.tree.add(hash)
		v.report.Records++
		if err := v.meetAll(); err != nil {
			return err
		}
	}
	return v.absent.take(segment, g)
}

// record checks one line against the chain and the checkpoints.
func (v *verifier) record(line []byte, first bool) error {
	r, rep := &v.rec, &v.report
	if err := v.dec.decode(line, r); err != nil {
		return err
	}
	switch {
	case r.Seq != rep.Records+1:
		return fmt.Errorf("the record says it is number %d", r.Seq)
	case r.Prev != v.head && !v.unchained:
		return fmt.Errorf("the chain is broken: this record does not follow record %d as it is here; one of the two was changed", rep.Records)
	case first && r.Kind != KindStart:
		return errors.New("a segment begins with a start record")
	case r.Kind == KindStart && (r.Format < 1 || r.Format > Format || r.Origin == ""):
		return fmt.Errorf("format %d, this program reads format %d", r.Format, Format)
	case r.Kind == KindStart:
		v.called(r.Origin)
	}
	v.head, v.unchained = sha256.Sum256(line), false
	v.tree.add(tlog.RecordHash(line))
	v.ring.learn(r)
	v.absent.kept(r.Time)
	if err := v.absent.learn(r); err != nil {
		return err
	}
	rep.Records++
	if rep.Records == 1 {
		rep.First = r.Time
	}
	rep.Last = r.Time
	if err := v.meetAll(); err != nil {
		return err
	}
	v.pair(r)
	if v.opt.Progress != nil && rep.Records%65536 == 0 {
		v.opt.Progress(rep.Records)
	}
	return nil
}

// meetAll holds the log so far against the checkpoints that name it.
func (v *verifier) meetAll() error {
	for len(v.marks) > 0 && v.marks[0].Size <= v.report.Records {
		if err := v.meet(&v.marks[0]); err != nil {
			return err
		}
		v.marks = v.marks[1:]
	}
	return nil
}

func (v *verifier) pair(r *Record) {
	switch {
	case r.Kind == KindOutcome:
		delete(v.open, r.Exchange)
	case r.Kind != KindIntent:
	case len(v.open) >= maxOpen:
		v.over++
	default:
		v.open[strings.Clone(r.Exchange)] = r.Seq
	}
}

// finish checks what only the end shows.
func (v *verifier) finish(segments int) *Fault {
	v.conclude()
	at := func(what string) *Fault {
		return &Fault{Segment: segmentName(max(segments, 1)), Seq: v.report.Records + 1, What: what}
	}
	if what := v.contradicted(); what != "" {
		return at(what)
	}
	if v.report.Records == 0 {
		return at("there is no record: a log begins with one")
	}
	if r := v.absent.unsaid(v.report.Proven); r != nil {
		v.missing = true
		return &Fault{Segment: segmentName(r.segment), Seq: r.first, What: fmt.Sprintf(
			"%d records from %d to %d are missing, and no record under a checkpoint says that they were pruned", r.count, r.first, r.last)}
	}
	if !v.ring.vouched() {
		return at("there is no checkpoint that one of the keys signed: nothing shows that this is their log")
	}
	if what := v.unproven(); what != "" {
		return at(what)
	}
	return nil
}

func (v *verifier) conclude() {
	v.report.Head, v.report.Root = headText(v.head), headText(v.tree.root())
	v.report.Keys = v.ring.keys
	v.report.Pruned = v.absent.report()
	v.report.Unanswered = uint64(len(v.open)) + v.over
	type pending struct {
		exchange string
		seq      uint64
	}
	all := make([]pending, 0, len(v.open))
	for exchange, seq := range v.open {
		all = append(all, pending{exchange, seq})
	}
	slices.SortFunc(all, func(a, b pending) int { return int(int64(a.seq) - int64(b.seq)) }) //nolint:gosec // order only
	for _, p := range all[:min(len(all), maxExamples)] {
		v.report.Examples = append(v.report.Examples, p.exchange)
	}
}
