package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/index"
)

func (r *run) auditIndex() *cobra.Command {
	return group("index", "Look at the search index of the audit log, and have it made anew",
		`  doorward audit index status
  doorward audit index rebuild`,
		r.indexStatus(), r.indexRebuild())
}

func (r *run) indexStatus() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "status", Short: "Show what the search index covers", Args: cobra.NoArgs,
		Long: `Show the search index of each log on data_dir: how far it goes, and how large it is. What
is behind its end is read from the log when somebody searches, so that it may be behind,
or missing, and no answer differs.`,
		Example: `  doorward audit index status
  doorward audit index status --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := r.auditDirs(dir)
			if err != nil {
				return err
			}
			var all []index.Status
			for _, dir := range dirs {
				s, err := index.Inspect(cmd.Context(), dir)
				if err != nil {
					return failed(err)
				}
				all = append(all, s)
			}
			return failed(putAll(r, all, func(w io.Writer, all []index.Status) error {
				return table(w, "INDEX\tSTATE\tTHROUGH\tLOG\tBYTES\tWHY", all, func(s index.Status) string {
					return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%s", filepath.Base(s.Path), s.State, s.Through, s.Log, s.Bytes, visible(s.Error))
				})
			}))
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory of the log (default: the configuration's)")
	return c
}

func (r *run) indexRebuild() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "Throw the search index away and make it anew", Args: cobra.NoArgs,
		Long: `Throw the search index of the gateway's log away and make it anew, of every record that is
in the log now. Searches read the log meanwhile. Ctrl-C ends the waiting; a gateway that
runs goes on. That you asked is on record.`,
		Example: `  doorward audit index rebuild`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				out, err := op.RebuildIndex(ctx, actor)
				if err != nil {
					return err
				}
				s, err := r.rebuilt(ctx, filepath.Join(cfg.DataDir, out.Log), out.Through)
				if err != nil {
					return err
				}
				return r.put(s, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "The index finds %d records and takes %d bytes.\n", s.Records, s.Bytes)
					return err
				})
			})
		},
	}
}

// rebuilt waits until the index of a log goes as far as it shall, and tells how far it is.
func (r *run) rebuilt(ctx context.Context, dir string, through uint64) (index.Status, error) {
	const every = 100 * time.Millisecond // between looks; each takes a few
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for told := time.Now(); ; {
		s, err := index.Inspect(ctx, dir)
		if err != nil || s.Through >= through {
			return s, err
		}
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			r.warn("%d of %d records", s.Through, through)
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-ticker.C:
		}
	}
}
