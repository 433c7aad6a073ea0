package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/audit"
)

// proofLine shows that one record is in the log that the checkpoint names: its number
// and the hashes of RFC 6962, section 2.1.1.
type proofLine struct {
	Seq    uint64   `json:"seq"`
	Hashes []string `json:"hashes"`
}

func recordsFile(log string) string    { return "records/" + log + ".jsonl" }
func proofsFile(log string) string     { return "proofs/" + log + ".jsonl" }
func checkpointFile(log string) string { return "checkpoints/" + log }
func openedFile(log string) string     { return "opened/" + log + ".jsonl" }

// AddRecords puts in the lines of one log, exactly as they are, with the proofs that
// there are of the first of them, and the checkpoint that those are of.
func (b *Bundle) AddRecords(log string, lines [][]byte, proofs []audit.Proof, at audit.Checkpoint) (Log, error) {
	var shown bytes.Buffer
	for i := range proofs {
		p := proofLine{Seq: proofs[i].Seq, Hashes: []string{}}
		for _, h := range proofs[i].Hashes {
			p.Hashes = append(p.Hashes, base64.StdEncoding.EncodeToString(h[:]))
		}
		line, err := json.Marshal(p)
		if err != nil {
			return Log{}, err
		}
		shown.Write(append(line, '\n'))
	}
	checkpoint := ""
	if at.Size > 0 {
		checkpoint = at.Text()
	}
	err := errors.Join(b.Add(recordsFile(log), joined(lines)), b.Add(proofsFile(log), shown.Bytes()), b.Add(checkpointFile(log), []byte(checkpoint)))
	return Log{Name: log, Records: len(lines), Proven: len(proofs)}, err
}

// AddOpened puts in the same lines with what was sealed in them.
func (b *Bundle) AddOpened(log string, lines [][]byte) error {
	return b.Add(openedFile(log), joined(lines))
}

func joined(lines [][]byte) []byte {
	var out bytes.Buffer
	for _, line := range lines {
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// linesOf are the lines of a file, which all end in a newline.
func linesOf(content []byte) ([][]byte, error) {
	if len(content) == 0 {
		return nil, nil
	}
	whole, ok := bytes.CutSuffix(content, []byte("\n"))
	if !ok {
		return nil, errors.New("the last line has no end")
	}
	return bytes.Split(whole, []byte("\n")), nil
}

// proven checks the records of one log: each is a record, their numbers rise, and the
// proofs hold. It returns the checkpoint.
func (b *Bundle) proven(l *Log) (at audit.Checkpoint, err error) {
	if text := string(b.files[checkpointFile(l.Name)]); text != "" || l.Proven > 0 {
		if at, err = audit.ParseCheckpoint(text); err != nil {
			return at, err
		}
	}
	lines, err := linesOf(b.files[recordsFile(l.Name)])
	if err != nil {
		return at, err
	}
	proofs, err := linesOf(b.files[proofsFile(l.Name)])
	if err != nil {
		return at, err
	}
	if len(lines) != l.Records || len(proofs) != l.Proven || l.Proven > l.Records {
		return at, fmt.Errorf("%d records with %d proofs, the manifest says %d with %d", len(lines), len(proofs), l.Records, l.Proven)
	}
	before := uint64(0)
	for i, line := range lines {
		r, err := audit.ParseRecord(line)
		if err != nil {
			return at, fmt.Errorf("line %d is no record: %w", i+1, err)
		}
		if r.Seq <= before {
			return at, fmt.Errorf("line %d: record %d comes after record %d", i+1, r.Seq, before)
		}
		before = r.Seq
		if i >= len(proofs) {
			continue
		}
		p, err := parseProof(proofs[i])
		if err != nil {
			return at, fmt.Errorf("the proof of record %d: %w", r.Seq, err)
		}
		p.Line, p.Checkpoint = line, at
		if p.Seq != r.Seq {
			return at, fmt.Errorf("the proof of record %d is of record %d", r.Seq, p.Seq)
		}
		if err := p.Check(); err != nil {
			return at, fmt.Errorf("record %d: %w", r.Seq, err)
		}
	}
	return at, nil
}

// openedAs holds the opened lines of a log against its records: as many, in the same
// order, and each the same record but for what was sealed in it.
func (b *Bundle) openedAs(l *Log, asked bool) error {
	content, ok := b.files[openedFile(l.Name)]
	if ok != asked {
		return errors.New("opened records are there and the manifest says otherwise")
	}
	if !ok {
		return nil
	}
	sealed, err := linesOf(b.files[recordsFile(l.Name)])
	if err != nil {
		return err
	}
	opened, err := linesOf(content)
	if err != nil {
		return err
	}
	if len(opened) != len(sealed) {
		return fmt.Errorf("%d records were opened of %d", len(opened), len(sealed))
	}
	for i := range sealed {
		is, err := audit.ParseRecord(sealed[i])
		if err != nil {
			return err
		}
		open, err := audit.ParseRecord(opened[i])
		if err != nil {
			return fmt.Errorf("opened line %d is no record: %w", i+1, err)
		}
		if !sameButSealed(&is, open) {
			return fmt.Errorf("opened line %d is not record %d with what was sealed in it", i+1, is.Seq)
		}
	}
	return nil
}

// sameButSealed tells whether a record differs from an opened one in nothing but in
// what could be sealed in it. What that was, only the gateway can tell.
func sameButSealed(is *audit.Record, open audit.Record) bool {
	if len(is.Person) > 0 && len(open.Person) == 0 {
		open.Person = is.Person
		open.Act, open.Agent, open.Remote, open.Principal.Subject = is.Act, is.Agent, is.Remote, is.Principal.Subject
	}
	if len(is.Sealed) > 0 && len(open.Sealed) == 0 {
		open.Sealed, open.Plain = is.Sealed, is.Plain
	}
	if len(open.Fields) != len(is.Fields) {
		return false
	}
	open.Fields = slices.Clone(open.Fields)
	for i := range open.Fields {
		f := &open.Fields[i]
		if was := &is.Fields[i]; was.As == audit.AsSealed && f.As == audit.AsPlain {
			f.As, f.Value = was.As, was.Value
		}
	}
	return bytes.Equal(open.AppendJSON(nil), is.AppendJSON(nil))
}

func parseProof(text []byte) (audit.Proof, error) {
	var line proofLine
	if err := json.Unmarshal(text, &line); err != nil {
		return audit.Proof{}, err
	}
	p := audit.Proof{Seq: line.Seq}
	for _, h := range line.Hashes {
		one, err := tlog.ParseHash(h)
		if err != nil {
			return audit.Proof{}, err
		}
		p.Hashes = append(p.Hashes, one)
	}
	return p, nil
}
