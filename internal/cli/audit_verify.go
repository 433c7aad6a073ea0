package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/cosignature"
)

func (r *run) auditVerify() *cobra.Command {
	var dir string
	var v verification
	c := &cobra.Command{
		Use: "verify", Short: "Find any record that was changed, removed, inserted or moved; exit 3 when one was", Args: cobra.NoArgs,
		Long: `Read the whole log and find any record that was changed, removed, inserted or moved.
That its end was cut off, or that an older copy was put in its place, is found against
checkpoints from elsewhere: one that was saved, the file of an anchor with many, or one
that witnesses have cosigned. It works offline and on a copy, whose segments may be
compressed with gzip.`,
		Example: `  doorward audit verify
  doorward audit verify --checkpoint /mnt/elsewhere/checkpoints
  doorward audit verify --witness 'witness.example.com+1a2b3c4d+BAYE…' --dir /mnt/copy/audit`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := r.auditDirs(dir)
			if err != nil {
				return err
			}
			if len(dirs) > 1 && (len(v.against) > 0 || v.save != "") {
				return fmt.Errorf("there are %d logs, and a checkpoint is of one: name it with --dir", len(dirs))
			}
			if v.save != "" {
				if err := r.notOurs(v.save, dirs...); err != nil {
					return err
				}
			}
			for i, d := range dirs {
				// The first is the gateway's own, where the log is not one elsewhere.
				v.own = dir == "" && i == 0
				if err := r.verify(cmd.Context(), d, v); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory of the log (default: the configuration's)")
	c.Flags().StringArrayVar(&v.against, "checkpoint", nil, "file with a checkpoint from elsewhere, or with many: also find a cut tail; more than one: all of them")
	c.Flags().StringArrayVar(&v.witnesses, "witness", nil, "key of a witness that must have cosigned a checkpoint of the log; more than one: any of them")
	c.Flags().StringVar(&v.save, "save-checkpoint", "", "save a checkpoint of what was verified, without a signature")
	c.Flags().StringArrayVar(&v.keys, "key", nil, "public key that must have signed the log's checkpoints, or certified the one that did; more than one: any of them")
	return c
}

// verification is what audit verify was asked.
type verification struct {
	against, keys, witnesses []string
	save                     string
	own                      bool // the log is that of the gateway on the configuration's data_dir
}

func (r *run) verify(ctx context.Context, dir string, v verification) error {
	opts := audit.Options{Keys: v.keys}
	for _, path := range v.against {
		some, err := audit.ReadCheckpoints(path)
		if err != nil {
			return failed(err)
		}
		opts.Checkpoints = append(opts.Checkpoints, some...)
	}
	for _, text := range v.witnesses {
		key, err := cosignature.ParseKey(text)
		if err != nil {
			return fmt.Errorf("--witness %q: %w", text, err)
		}
		opts.Witnesses = append(opts.Witnesses, key)
	}
	report, err := audit.Verify(ctx, dir, opts)
	if err != nil && report.Fault == nil {
		return failed(err)
	}
	out := reportOf(dir, report)
	if err := r.put(out, out.text); err != nil {
		return err
	}
	if v.own {
		r.tellVerified(ctx, dir, &report)
	}
	if !out.OK {
		return &exit{code: exitFindings}
	}
	if v.save != "" {
		cp := audit.Checkpoint{Origin: report.Origin, Size: report.Records, Root: report.Root}
		return failed(audit.WriteCheckpoint(v.save, cp))
	}
	return nil
}

// tellVerified tells a running gateway what was found, so that it is on record and the
// monitor knows. What was found stands either way.
func (r *run) tellVerified(ctx context.Context, dir string, found *audit.Report) {
	cfg, err := r.load()
	if err != nil {
		return // it was read a moment ago
	}
	client, err := admin.Dial(ctx, cfg.DataDir)
	if err != nil {
		return // no gateway runs
	}
	defer client.Close()
	v := admin.Verification{Dir: dir, Records: found.Records}
	if found.Fault != nil {
		v.Fault = found.Fault.Error()
	}
	if err := client.Verified(ctx, "", v); err != nil {
		_, _ = fmt.Fprintf(r.errs(), "doorward: the gateway was not told: %v\n", err)
	}
}
