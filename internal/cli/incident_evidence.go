package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/durable"
	"doorward/internal/evidence"
	"doorward/internal/monitor/figures"
)

// investigating is what a bundle or a report was asked for.
type investigating struct {
	since, until string
	open         bool
}

func (i *investigating) flags(c *cobra.Command) {
	c.Flags().StringVar(&i.since, "since", "", "look at records from this time: RFC 3339, or an age such as 24h (default: from an hour before the first that is known)")
	c.Flags().StringVar(&i.until, "until", "", "up to this time (default: until it was closed, or now)")
	c.Flags().BoolVar(&i.open, "open", false, openUsage)
}

// look gathers what an incident is told by, and hands it on.
func (r *run) look(ctx context.Context, id string, i *investigating, do func(d evidence.Desk, cfg *config.Config, c *evidence.Case) error) error {
	q := evidence.Request{Query: admin.IncidentQuery{Incident: id}, Open: i.open, Version: r.Version}
	var err error
	if q.Query.Since, err = moment(i.since); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	if q.Query.Until, err = moment(i.until); err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	cfg, err := r.load()
	if err != nil {
		return err
	}
	q.Shared = cfg.State.Redis != ""
	return r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		if q.Dirs, err = r.auditDirs(""); err != nil {
			return err
		}
		q.Figures = func(ctx context.Context, since, until time.Time) (*figures.Summary, error) {
			return figuresOf(ctx, op, q.Dirs, since, until)
		}
		d := evidence.Desk{Op: op, Actor: actor}
		c, err := evidence.Gather(ctx, d, &q)
		if err != nil {
			return err
		}
		return do(d, cfg, c)
	})
}

func (r *run) incidentReport() *cobra.Command {
	var i investigating
	var out string
	c := &cobra.Command{
		Use: "report INCIDENT", Short: "Write the review report of an incident", Args: cobra.ExactArgs(1),
		Long: `Write what happened, when it was detected, how long that, containment and recovery took,
who and what was affected, what the suspects called and what came of it, what was suspended,
who was told, what is open, and the security figures of that time: in Markdown, or with
--format json. Persons are counted and named by their keys; --open names them, and is on
record. What clients, upstreams and people wrote is text in it and never markup.`,
		Example: `  doorward incident report inc_019ac2f0c1d0q3kfp7x2mz > review.md
  doorward incident report inc_019ac2f0c1d0q3kfp7x2mz --open --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.look(cmd.Context(), args[0], &i, func(_ evidence.Desk, _ *config.Config, c *evidence.Case) error {
				review, err := evidence.NewReview(c)
				if err != nil {
					return err
				}
				return r.writeReview(review, out)
			})
		},
	}
	i.flags(c)
	c.Flags().StringVarP(&out, "out", "o", "", "write it to this new file, for your user alone")
	return c
}

func (r *run) writeReview(review *evidence.Review, out string) error {
	if out == "" {
		return r.put(review, func(w io.Writer) error {
			_, err := w.Write(review.Markdown())
			return err
		})
	}
	if err := r.notOurs(out); err != nil {
		return err
	}
	text := review.Markdown()
	if r.format == "json" {
		var err error
		if text, err = json.MarshalIndent(review, "", "  "); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (r *run) incidentBundle() *cobra.Command {
	var i investigating
	var out string
	c := &cobra.Command{
		Use: "bundle INCIDENT --out PLACE", Short: "Gather the evidence of an incident, signed", Args: cobra.ExactArgs(1),
		Long: `Gather what proves an incident: its records exactly as they are in the log, with proofs
against one signed checkpoint, its alerts, containments and timeline, doorward.lock, the
configuration and policy (which hold no secrets), versions, and the report. A manifest has
the SHA-256 of every file and is signed with the key that signs checkpoints; that, too,
is on record (incident.bundle). What is sealed stays so, unless --open asks for it.
PLACE must not exist yet: a file when it ends in .tar.gz, else a directory.`,
		Example: `  doorward incident bundle inc_019ac2f0c1d0q3kfp7x2mz --out evidence.tar.gz
  doorward incident verify-bundle evidence.tar.gz --key 'doorward/52a1…+c74f20a3+AYEK…'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("say where to, with --out")
			}
			if err := r.notOurs(out); err != nil {
				return err
			}
			return r.look(cmd.Context(), args[0], &i, func(d evidence.Desk, cfg *config.Config, c *evidence.Case) error {
				extras, err := r.extras(cfg)
				if err != nil {
					return err
				}
				b, err := evidence.Pack(cmd.Context(), d, c, extras)
				if err != nil {
					return err
				}
				if err := b.Write(out, c.Now); err != nil {
					return err
				}
				return r.put(struct {
					Incident string `json:"incident"`
					Bundle   string `json:"bundle"`
					Records  int    `json:"records"`
					Cut      bool   `json:"cut"`
				}{c.Incident.ID, out, c.Records(), c.Found.Cut}, func(w io.Writer) error {
					if c.Found.Cut {
						_, _ = fmt.Fprintln(w, "There are more records than a bundle holds: look at less time with --since and --until.")
					}
					_, err := fmt.Fprintf(w, "%d records of %s in %s\n", c.Records(), c.Incident.ID, visible(out))
					return err
				})
			})
		},
	}
	i.flags(c)
	c.Flags().StringVarP(&out, "out", "o", "", "where to; required")
	return c
}

// maxLock bounds the lock file in a bundle.
const maxLock = 64 << 20

// extras are what the gateway ran with.
func (r *run) extras(cfg *config.Config) ([]evidence.Extra, error) {
	shown := config.Show(cfg)
	versions, err := json.MarshalIndent(map[string]any{
		"doorward": r.Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		"audit_format": audit.Format, "bundle_format": evidence.Format,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	out := []evidence.Extra{
		{Name: "configuration.yaml", Content: shown},
		{Name: "policy.yaml", Content: policyOf(shown)},
		{Name: "versions.json", Content: append(versions, '\n')},
	}
	pins, err := durable.ReadNamed(cfg.Trust.Lock, maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil // nothing was decided yet
	}
	return append(out, evidence.Extra{Name: "doorward.lock", Content: pins}), err
}

// policyOf is the part of a configuration that says who may do what, as config show
// writes it.
func policyOf(shown []byte) []byte {
	var out strings.Builder
	in := false
	for line := range strings.Lines(string(shown)) {
		if !strings.HasPrefix(line, " ") {
			in = strings.HasPrefix(line, "roles:") || strings.HasPrefix(line, "# roles")
		}
		if in {
			out.WriteString(line)
		}
	}
	return []byte(out.String())
}

func (r *run) incidentVerifyBundle() *cobra.Command {
	var public []string
	c := &cobra.Command{
		Use: "verify-bundle PLACE --key KEY", Short: "Check a bundle of evidence without its gateway; exit 3 when it does not hold", Args: cobra.ExactArgs(1),
		Long: `Check that a bundle is whole and unchanged, that its manifest was signed with KEY, the key
that signs the log's checkpoints, and that every record in it is in the log that the
checkpoint names. It needs no log, no configuration and no network. Get KEY from whoever
keeps it, or from a checkpoint that was kept elsewhere, and not from the bundle:
doorward audit verify prints it.`,
		Example: `  doorward incident verify-bundle evidence.tar.gz --key 'doorward/52a1…+c74f20a3+AYEK…'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(public) == 0 {
				return errors.New("name the log's public key with --key, as audit verify prints it: without it nobody vouches for the bundle")
			}
			keys, err := verifiers(public)
			if err != nil {
				return err
			}
			var v evidence.Verified
			b, err := evidence.Open(args[0])
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
				return failed(err)
			case err != nil:
				v.Fault = err.Error()
			default:
				v = b.Verify(keys)
			}
			if err := r.put(v, func(w io.Writer) error { return verifiedText(w, &v) }); err != nil {
				return err
			}
			if !v.OK {
				return &exit{code: exitFindings}
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&public, "key", nil, "public key that must have signed it; more than one: any of them")
	return c
}

func verifiedText(w io.Writer, v *evidence.Verified) error {
	if !v.OK {
		_, err := fmt.Fprintf(w, "It does not hold: %s\n", visible(v.Fault))
		return err
	}
	_, _ = fmt.Fprintf(w, "Evidence of %s, %d files, whole and unchanged.\n", visible(v.Incident+v.Manifest.Framework), v.Files)
	_, _ = fmt.Fprintf(w, "%d of %d records are proved to be in the log that its checkpoint names.\n", v.Proven, v.Records)
	if v.Incident != "" {
		_, _ = fmt.Fprintln(w, "The gateway signed after it had found the incident, its records and what was opened of them as they are here. Reports, lists and what it ran with are what its maker wrote: the signature shows that they are unchanged since, not that they are so.")
	} else {
		_, _ = fmt.Fprintln(w, "It is what its maker wrote: the signature shows that it is unchanged since, not that it is so.")
	}
	for _, s := range v.SignedBy {
		_, _ = fmt.Fprintf(w, "Signed by %s.\n", visible(s))
	}
	for _, l := range v.Elsewhere {
		_, _ = fmt.Fprintf(w, "The checkpoint of %s has another key: the manifest vouches for it.\n", visible(l))
	}
	if v.Manifest.Cut {
		_, _ = fmt.Fprintln(w, "There were more records than it holds.")
	}
	return nil
}
