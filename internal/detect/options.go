package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// options is what the command line asks for.
type options struct {
	corpora  []string // directories besides those of the repository
	format   string   // text or json
	failures int      // how many failures of each score to list
	page     bool     // write the reference page
	check    bool     // only the sample, against the ratchet
	update   bool     // raise the ratchet
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("detect", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Func("corpora", "also measure each *.jsonl and *.jsonl.gz of this `directory`; may be given again", func(dir string) error {
		if dir != "" {
			o.corpora = append(o.corpora, dir)
		}
		return nil
	})
	fs.StringVar(&o.format, "format", "text", "text or json, on standard output")
	fs.IntVar(&o.failures, "failures", 10, "list at most this `number` of failures of each class and corpus")
	fs.BoolVar(&o.page, "page", true, "write "+pageFile+" and "+figuresFile)
	fs.BoolVar(&o.check, "check", false, "measure the sample of the repository's corpora that the tests hold, compare it with "+ratchetFile+", and write nothing")
	fs.BoolVar(&o.update, "update", false, "with -check, raise the ratchet to what was measured; it is never lowered")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.format != "text" && o.format != "json":
		return nil, fmt.Errorf("-format %q: want text or json", o.format)
	case o.failures < 0 || o.failures > 10_000:
		return nil, fmt.Errorf("-failures %d: want 0 to 10000", o.failures)
	case o.update && !o.check:
		return nil, errors.New("-update needs -check: the ratchet holds the sample")
	case o.check && len(o.corpora) > 0:
		return nil, errors.New("-check holds the repository's corpora only: leave -corpora out")
	}
	return o, nil
}
