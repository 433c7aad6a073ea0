package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/audit"
	"doorward/internal/sink/form"
)

// exportFormats are those of audit export.
func exportFormats() []string { return []string{"jsonl", "csv", "ocsf", "cef"} }

func (r *run) auditExport() *cobra.Command {
	var what choosing
	var format, out string
	c := &cobra.Command{
		Use: "export", Short: "Write the records that match every given flag, for other programs", Args: cobra.NoArgs,
		Long: `Write the records that match every given flag, one a line: jsonl (the lines of the log
itself), csv (a table that no spreadsheet takes for formulas), ocsf (OCSF API Activity, JSON)
or cef (ArcSight). What is sealed stays sealed; arguments are in jsonl alone.

With --output the file is there when all of it is, and before not at all.`,
		Example: `  doorward audit export --since 30d -o calls.jsonl
  doorward audit export --format csv --status refused -o refused.csv
  doorward audit export --format cef | logger --server siem.example.com`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(exportFormats(), format) {
				return fmt.Errorf("--format %q: want %s", format, strings.Join(exportFormats(), " or "))
			}
			dirs, err := what.logs(cmd.Context(), r)
			if err != nil {
				return err
			}
			e := &export{run: r, format: format, query: what.q, dirs: dirs}
			if out == "" {
				return failed(e.write(cmd.Context(), r.Stdout))
			}
			if err := r.notOurs(out, dirs...); err != nil {
				return err
			}
			return failed(e.file(cmd.Context(), out))
		},
	}
	what.flags(c.Flags())
	c.Flags().StringVar(&format, "format", "jsonl", "jsonl, csv, ocsf or cef")
	c.Flags().StringVarP(&out, "output", "o", "", "write to this file, for its owner alone (default: stdout)")
	return c
}

// export is one run of audit export.
type export struct {
	run    *run
	format string
	query  audit.Query
	dirs   []string
	n      int       // records written
	told   time.Time // when progress was last shown
}

// file writes a file: whole, or not at all.
func (e *export) file(ctx context.Context, path string) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a link or no regular file: name the file itself", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	if err = errors.Join(e.write(ctx, f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s was not written: %w", path, err), os.Remove(f.Name()))
	}
	if !e.run.quiet {
		_, _ = fmt.Fprintf(e.run.Stderr, "%d records in %s\n", e.n, path)
	}
	return nil
}

// write writes every record of every log that matches.
func (e *export) write(ctx context.Context, to io.Writer) error {
	const buffer = 64 << 10
	out := bufio.NewWriterSize(to, buffer)
	if e.format == "csv" {
		_, _ = out.Write(append(form.CSVHeader(), '\n')) // Flush returns the error
	}
	e.told = time.Now()
	left := e.query.Limit
	for _, dir := range e.dirs {
		origin, err := originOf(ctx, dir)
		if err != nil {
			return err
		}
		before := e.n
		err = audit.Read(ctx, dir, e.query, func(rec *audit.Record) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			line, err := e.line(origin, rec)
			if err != nil {
				return err
			}
			e.n++
			e.progress()
			_, err = out.Write(append(line, '\n'))
			return err
		})
		if err != nil {
			return err
		}
		if left > 0 {
			if e.query.Limit -= e.n - before; e.query.Limit <= 0 {
				break
			}
		}
	}
	return out.Flush()
}

// line is a record in the format.
func (e *export) line(origin string, rec *audit.Record) ([]byte, error) {
	line := rec.AppendJSON(nil)
	if e.format == "jsonl" {
		return line, nil
	}
	r, err := form.Parse(origin, line)
	if err != nil {
		return nil, err
	}
	switch e.format {
	case "csv":
		return form.CSV(&r), nil
	case "cef":
		return form.CEF(&r, e.run.Version), nil
	default:
		return form.OCSF(&r, e.run.Version)
	}
}

// progress shows a person who waits how far it is.
func (e *export) progress() {
	const every, between = 1024, time.Second
	if e.n%every != 0 || e.run.quiet || time.Since(e.told) < between || !isTerminal(e.run.Stderr) {
		return
	}
	e.told = time.Now()
	_, _ = fmt.Fprintf(e.run.Stderr, "%d records so far\n", e.n)
}

// originOf is the name that a log's first record gives it.
func originOf(ctx context.Context, dir string) (origin string, err error) {
	err = audit.Read(ctx, dir, audit.Query{Limit: 1}, func(rec *audit.Record) error {
		origin = rec.Origin
		return nil
	})
	return origin, err
}
