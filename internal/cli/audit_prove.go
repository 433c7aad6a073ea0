package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"doorward/internal/audit"
)

// proving is what audit prove was asked.
type proving struct {
	dir, check, from string
	keys             []string
}

func (r *run) auditProve() *cobra.Command {
	var p proving
	c := &cobra.Command{
		Use: "prove [RECORD]", Short: "Prove that a record is in the log, or check such a proof; exit 3 when it does not hold", Args: cobra.MaximumNArgs(1),
		Long: `Print a proof that a record, named by its number, is in the log that the checkpoint
beside it names: a C2SP tlog-proof with the record in it. Whoever gets it needs only
the log's public key, and sees no other record. With --check, look at such a proof;
with --from, show that the log goes on from an earlier checkpoint.`,
		Example: `  doorward audit prove 4711 > call.tlog-proof
  doorward audit prove --check call.tlog-proof --key 'doorward/52a1…+c74f20a3+AYEK…'
  doorward audit prove --from 2026-11-01.checkpoint`,
		RunE: func(cmd *cobra.Command, args []string) error { return r.prove(cmd.Context(), p, args) },
	}
	c.Flags().StringVar(&p.dir, "dir", "", "directory of the log (default: the configuration's)")
	c.Flags().StringVar(&p.check, "check", "", "check the proof in this file; needs no log")
	c.Flags().StringVar(&p.from, "from", "", "an earlier checkpoint that the log must go on from")
	c.Flags().StringArrayVar(&p.keys, "key", nil, "public key that must have signed the proof's checkpoint; more than one: any of them")
	c.MarkFlagsMutuallyExclusive("check", "from")
	return c
}

func (r *run) prove(ctx context.Context, p proving, args []string) error {
	if (len(args) == 1) == (p.check != "" || p.from != "") {
		return errors.New("name one record, or --check a proof, or a checkpoint --from which the log goes on")
	}
	if p.check != "" {
		return r.checkProof(p)
	}
	dirs, err := r.auditDirs(p.dir)
	if err != nil {
		return err
	}
	if p.from != "" {
		return r.goesOn(ctx, dirs[0], p.from)
	}
	seq, err := strconv.ParseUint(args[0], 10, 53)
	if err != nil {
		return fmt.Errorf("%q is not the number of a record: see seq in audit search --format json", args[0])
	}
	proof, err := audit.Prove(ctx, dirs[0], seq)
	if err != nil {
		return failed(err)
	}
	return r.put(map[string]string{"proof": proof.Text()}, func(w io.Writer) error {
		_, err := io.WriteString(w, proof.Text())
		return err
	})
}

// checked is what a proof shows.
type checked struct {
	OK       bool     `json:"ok"`
	Origin   string   `json:"origin"`
	Seq      uint64   `json:"seq"`
	Size     uint64   `json:"size"`
	SignedBy []string `json:"signed_by"`
	Fault    string   `json:"fault,omitempty"`
	Record   string   `json:"record"`
}

func (r *run) checkProof(p proving) error {
	keys, err := verifiers(p.keys)
	if err != nil {
		return err
	}
	proof, err := audit.ReadProof(p.check)
	if err != nil {
		return failed(err)
	}
	out := checked{Origin: proof.Checkpoint.Origin, Seq: proof.Seq, Size: proof.Checkpoint.Size, Record: string(proof.Line), SignedBy: []string{}}
	for _, s := range proof.Checkpoint.SignedBy(keys) {
		out.SignedBy = append(out.SignedBy, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	err = proof.Check()
	if err == nil && len(keys) > 0 && len(out.SignedBy) == 0 {
		err = errors.New("none of the keys signed its checkpoint")
	}
	out.OK = err == nil
	if err != nil {
		out.Fault = err.Error()
	}
	if err := r.put(out, out.text); err != nil {
		return err
	}
	if !out.OK {
		return &exit{code: exitFindings}
	}
	return nil
}

func (c checked) text(w io.Writer) error {
	if !c.OK {
		_, err := fmt.Fprintln(w, visible(c.Fault))
		return err
	}
	_, _ = fmt.Fprintf(w, "Record %d of %s is in the log of %d records.\n", c.Seq, visible(c.Origin), c.Size)
	if len(c.SignedBy) == 0 {
		_, _ = fmt.Fprintln(w, "Nobody's signature was checked: name the log's public key with --key.")
	}
	for _, s := range c.SignedBy {
		_, _ = fmt.Fprintf(w, "Signed by %s.\n", visible(s))
	}
	_, err := fmt.Fprintln(w, visible(c.Record))
	return err
}

// continuation shows that a log goes on from a checkpoint.
type continuation struct {
	OK     bool     `json:"ok"`
	From   uint64   `json:"from"`
	Size   uint64   `json:"size"`
	Hashes []string `json:"hashes,omitempty"` // RFC 6962, section 2.1.2
	Note   string   `json:"checkpoint,omitempty"`
	Fault  string   `json:"fault,omitempty"`
}

func (r *run) goesOn(ctx context.Context, dir, from string) error {
	old, err := audit.ReadCheckpoint(from)
	if err != nil {
		return failed(err)
	}
	hashes, now, err := audit.Extends(ctx, dir, old)
	if err != nil && !errors.Is(err, audit.ErrUnproven) {
		return failed(err)
	}
	out := continuation{OK: err == nil, From: old.Size, Size: now.Size, Note: now.Note}
	for _, h := range hashes {
		out.Hashes = append(out.Hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	if err != nil {
		out.Fault = err.Error()
	}
	if err := r.put(out, func(w io.Writer) error {
		if !out.OK {
			_, err := fmt.Fprintln(w, visible(out.Fault))
			return err
		}
		_, err := fmt.Fprintf(w, "The log of %d records goes on from that of %d: nothing before was changed.\n", out.Size, out.From)
		return err
	}); err != nil {
		return err
	}
	if !out.OK {
		return &exit{code: exitFindings}
	}
	return nil
}

func verifiers(public []string) ([]note.Verifier, error) {
	var all []note.Verifier
	for _, p := range public {
		v, err := note.NewVerifier(p)
		if err != nil {
			return nil, fmt.Errorf("--key %q: %w: it looks like name+c74f20a3+AYEK…, as audit verify prints it", p, err)
		}
		all = append(all, v)
	}
	return all, nil
}
