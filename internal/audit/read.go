package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Query says which records Read yields: those that have every part that is
// set, exactly.
type Query struct {
	Since, Until time.Time // inclusive, exclusive
	Principal    string    // subject, public id of the credential, or an event's actor
	// Keys are those of the principal (Keyring.Of): a record of any of them has the
	// principal, too.
	Keys     []SubjectID
	Key      SubjectID // that the record names
	Tenant   string    // of the principal
	Upstream string
	Item     string
	Code     string
	Exchange string
	Kind     string
	Event    string // an event's kind, such as incident.canary
	Status   string
	Rule     string   // that let it pass: the whole of it, or its path
	Approval string   // its id; what was decided about it too
	Observed bool     // rules in observe mode would have refused it
	Findings bool     // detectors saw something in it
	Weaker   bool     // its upstream's command may lack layers of its sandbox
	Hash     string   // of one of its fields (HashField)
	Trace    string   // hexadecimal
	Words    []string // each stands somewhere in what can be read; at most MaxWords
	Newest   bool     // newest first
	Limit    int      // how many at most; 0: all
	// From and To are numbers of records, inclusive and exclusive; To 0: to the end.
	From, To uint64
	// Known is where a record stands before which there is none that is asked for, and
	// which is not read before it was found there. The zero value: not known.
	Known Place
}

// Match tells whether a record is one of those. From and To are of Read alone.
func (q *Query) Match(r *Record) bool {
	return (q.Kind == "" || q.Kind == r.Kind) &&
		(q.Event == "" || q.Event == r.Event) &&
		(q.Status == "" || q.Status == r.Status) &&
		(q.Code == "" || q.Code == r.Code) &&
		(q.Tenant == "" || q.Tenant == r.Principal.Tenant) &&
		(q.Upstream == "" || q.Upstream == r.Upstream) &&
		(q.Item == "" || q.Item == r.Item) &&
		(q.Exchange == "" || q.Exchange == r.Exchange) &&
		(q.Rule == "" || q.Rule == r.Rule || strings.HasPrefix(r.Rule, q.Rule) && strings.HasPrefix(r.Rule[len(q.Rule):], ": ")) &&
		(q.Approval == "" || q.Approval == r.Approval || decides(r, q.Approval)) &&
		(q.Hash == "" || slices.ContainsFunc(r.Fields, func(k Kept) bool { return k.As == AsHashed && k.Value == q.Hash })) &&
		(q.Trace == "" || r.Trace != [16]byte{} && q.Trace == hex.EncodeToString(r.Trace[:])) &&
		(!q.Observed || len(r.Observed) > 0) &&
		(!q.Findings || len(r.Findings) > 0) &&
		(!q.Weaker || len(r.Weaker) > 0) &&
		(q.Principal == "" || q.Principal == r.Principal.Subject || q.Principal == r.Principal.Credential || q.Principal == r.Actor ||
			slices.Contains(q.Keys, r.Key)) &&
		(q.Key == SubjectID{} || q.Key == r.Key) &&
		(q.Since.IsZero() || !r.Time.Before(q.Since)) &&
		(q.Until.IsZero() || r.Time.Before(q.Until)) &&
		r.says(q.Words)
}

// decides tells whether a record is of a decision about an approval, or of a try at
// one: the detail of such an event begins with the id.
func decides(r *Record, id string) bool {
	rest, ok := strings.CutPrefix(r.Detail, id)
	return ok && strings.HasPrefix(r.Event, "approval.") && (rest == "" || strings.ContainsRune(" :", rune(rest[0])))
}

// ErrStop ends Read or Tail without an error when yield returns it.
var ErrStop = errors.New("stop")

// Read yields the records that match, oldest first unless the query says otherwise,
// and stops at a line that it
// cannot read (*Fault). It does not check the chain: Verify does. The record
// must not be kept by reference; its texts may be kept, and hold the whole line.
func Read(ctx context.Context, dir string, q Query, yield func(*Record) error) error {
	all, err := segments(dir)
	if err == nil {
		all, err = q.among(dir, all)
	}
	if err != nil {
		return fmt.Errorf("reading audit log: %w", err)
	}
	left := q.Limit
	each := func(r *Record) error {
		if !q.Match(r) {
			return nil
		}
		if err := yield(r); err != nil {
			return err
		}
		if left--; left == 0 {
			return ErrStop
		}
		return nil
	}
	if q.Newest {
		return readBack(ctx, dir, all, q, each)
	}
	live := locked(filepath.Join(dir, lockName))
	for i, n := range all {
		if err := q.readSegment(ctx, dir, n, live && i == len(all)-1, each); err != nil {
			return stopped(err)
		}
	}
	return nil
}

// readBack reads the newest segment first, and holds what matches of one at a time.
func readBack(ctx context.Context, dir string, all []int, q Query, each func(*Record) error) error {
	live := locked(filepath.Join(dir, lockName))
	for i, n := range slices.Backward(all) {
		var found []Record
		err := q.readSegment(ctx, dir, n, live && i == len(all)-1, func(r *Record) error {
			if !q.Match(r) {
				return nil
			}
			if found = append(found, *r); q.Limit > 0 && len(found) >= 2*q.Limit {
				found = slices.Delete(found, 0, len(found)-q.Limit)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range slices.Backward(found) {
			if err := each(&found[i]); err != nil {
				return stopped(err)
			}
		}
	}
	return nil
}

// stopped is nil for ErrStop.
func stopped(err error) error {
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// readSegment yields the records of a segment that the query's numbers ask for; of one
// that is being written those that are whole.
func (q *Query) readSegment(ctx context.Context, dir string, n int, growing bool, yield func(*Record) error) error {
	s, at, err := q.begin(dir, n)
	if err != nil {
		return fmt.Errorf("reading audit log: %w", err)
	}
	defer s.file.Close()
	var d decoder
	err = s.between(ctx, &d, span{at: at, from: q.From, to: q.To}, yield)
	switch {
	case err == nil, errors.Is(err, errPartial) && growing:
		return nil
	case errors.Is(err, ErrStop):
		return ErrStop
	}
	return s.ended(err)
}

// records yields what is left of the segment; nil at its clean end.
func (s *scanner) records(ctx context.Context, d *decoder, yield func(*Record) error) error {
	return s.between(ctx, d, span{}, yield)
}

// between yields those of a span.
func (s *scanner) between(ctx context.Context, d *decoder, of span, yield func(*Record) error) error {
	var r Record
	for n := uint64(0); ; n++ {
		if err := cancelled(ctx, n); err != nil {
			return err
		}
		line, g, err := s.step()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case g != nil:
			of.at = g.last() + 1
			continue
		case of.at > 0 && of.at < of.from:
			of.at++
			continue
		}
		if err := d.decode(line, &r); err != nil {
			return s.fault(r.Seq, err)
		}
		if of.at = r.Seq + 1; r.Seq < of.from {
			continue
		}
		if of.to > 0 && r.Seq >= of.to {
			return nil
		}
		if err := yield(&r); err != nil {
			return err
		}
	}
}

// ended turns what ended a scan into what the caller reads.
func (s *scanner) ended(err error) error {
	switch {
	case errors.Is(err, ErrStop):
		return nil
	case errors.Is(err, errPartial), errors.Is(err, errTooLong), errors.Is(err, errGap):
		return s.fault(0, err)
	}
	return err
}

// followEvery is how often Tail looks for new records. Reading the end of a
// local file costs less than the notice of a change would.
const followEvery = 200 * time.Millisecond

// Tail yields the last n records and, with follow, those that come after, until
// ctx ends or yield returns an error. It follows the log across segments. With
// follow the end of ctx is no error.
func Tail(ctx context.Context, dir string, n int, follow bool, yield func(*Record) error) error {
	segment, off, err := lastLines(dir, n)
	if err != nil {
		return fmt.Errorf("reading audit log: %w", err)
	}
	var d decoder
	for ; ; segment, off = segment+1, 0 {
		s, err := openScanner(dir, segment, off)
		if err != nil {
			return fmt.Errorf("reading audit log: %w", err)
		}
		err = s.follow(ctx, dir, &d, follow, yield)
		s.file.Close()
		if errors.Is(err, errNext) {
			continue
		}
		if follow && err != nil && errors.Is(err, ctx.Err()) {
			return nil
		}
		return s.ended(err)
	}
}

var errNext = errors.New("next segment")

// follow yields from one segment until the next exists and this one is read to
// its end (errNext), or there is nothing more to wait for (nil).
func (s *scanner) follow(ctx context.Context, dir string, d *decoder, wait bool, yield func(*Record) error) error {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		// Looked at before reading: nothing is added here once the next exists.
		all, err := segments(dir)
		if err != nil {
			return err
		}
		more := slices.Contains(all, s.segment+1)
		err = s.records(ctx, d, yield)
		partial := errors.Is(err, errPartial)
		switch {
		case partial && !more && (wait || locked(filepath.Join(dir, lockName))):
			// Being written.
		case err != nil:
			return err
		case more:
			return errNext
		}
		if !wait {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if partial {
			s.line--
		}
		if err := s.retry(); err != nil {
			return err
		}
	}
}

// lastLines finds where the last n records begin.
func lastLines(dir string, n int) (segment int, off int64, err error) {
	all, err := segments(dir)
	if err != nil {
		return 0, 0, err
	}
	if len(all) == 0 {
		return 0, 0, errors.New("there is no log in " + strings.TrimSpace(dir))
	}
	for i := len(all) - 1; ; i-- {
		var have int
		off, have, err = lastInSegment(dir, all[i], n)
		if err != nil || have >= n || i == 0 {
			return all[i], off, err
		}
		n -= have
	}
}

// lastInSegment finds the offset of the last n lines, reading backwards, and
// how many there are when the segment has fewer.
func lastInSegment(dir string, number, n int) (off int64, have int, err error) {
	f, err := readSegment(dir, number)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	buf := make([]byte, maxLine)
	line := false // behind what was looked at, a line begins
	for end := info.Size(); end > 0; {
		from := max(0, end-int64(len(buf)))
		part := buf[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return 0, 0, err
		}
		for i, c := range slices.Backward(part) {
			if c != '\n' {
				continue
			}
			at := from + int64(i) + 1
			if line && recordAt(f, at) {
				have++
			}
			if line = true; have == n {
				return at, n, nil
			}
		}
		end = from
	}
	if line && recordAt(f, 0) {
		have++
	}
	return 0, have, nil
}

// recordAt tells whether the line that begins there is a record, and does not stand for
// pruned ones.
func recordAt(f io.ReaderAt, at int64) bool {
	start := make([]byte, len(gapStart))
	n, _ := f.ReadAt(start, at) // a shorter line is no gap
	return !isGap(start[:n])
}
