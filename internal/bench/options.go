package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options is what the command line asks for.
type options struct {
	rounds      int
	window      time.Duration // measured time of one run; half of it at 1 MB
	starts      int           // processes started to time the start
	sessions    int           // idle sessions; 0 skips that part
	format      string        // text or json
	binary      string        // a doorward to use instead of building one
	targets     []string
	eras        []era
	connections []int
	payloads    []int // bytes
}

// The targets, in the order of the table.
const (
	direct   = "direct"
	revproxy = "revproxy"
	doorward = "doorward"
	// unrecorded is doorward without its record: what that costs is the difference.
	unrecorded = "unrecorded"
)

// large is the payload from which a cell is run at few connections and shortly:
// each call moves it eight times through the loopback.
const large = 1 << 20

// Payloads hold an id at least, and stay with their envelope below the 4 MiB
// that Doorward takes by default.
const (
	minPayload = 32
	maxPayload = 3 << 20
)

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.rounds, "rounds", 3, "alternating `rounds`; every figure is the median of them")
	seconds := fs.Float64("seconds", 2, "measured `seconds` of one run (half of that at 1 MB)")
	quick := fs.Bool("quick", false, "a look instead of a measurement: 1 round of 0.5 s, 500 idle sessions")
	fs.IntVar(&o.sessions, "sessions", 2000, "idle `sessions` to open; 0 skips that part")
	fs.StringVar(&o.format, "format", "text", "text or json")
	fs.StringVar(&o.binary, "binary", "", "measure this doorward `program` instead of building one")
	targets := fs.String("targets", "direct,revproxy,doorward", "what to measure; also unrecorded, a doorward that records nothing")
	eras := fs.String("eras", "stateful,stateless", "protocol eras")
	connections := fs.String("connections", "1,16,64", "connections at once")
	payloads := fs.String("payloads", "100B,10KB,1MB", "length of the echoed text")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	o.starts = 5
	if *quick {
		o.rounds, *seconds, o.starts = 1, 0.5, 3
		o.sessions = min(o.sessions, 500)
	}
	o.window = time.Duration(*seconds * float64(time.Second))
	o.targets = strings.Split(*targets, ",")
	var err error
	if o.eras, err = parseList(*eras, parseEra); err != nil {
		return nil, err
	}
	if o.connections, err = parseList(*connections, parseConnections); err != nil {
		return nil, err
	}
	if o.payloads, err = parseList(*payloads, parsePayload); err != nil {
		return nil, err
	}
	return o, o.check(fs.Args())
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	for _, t := range o.targets {
		if t != direct && t != revproxy && t != doorward && t != unrecorded {
			return fmt.Errorf("-targets: %q is none of %s, %s, %s, %s", t, direct, revproxy, doorward, unrecorded)
		}
	}
	switch {
	case o.rounds < 1 || o.rounds > 100:
		return fmt.Errorf("-rounds %d: want 1 to 100", o.rounds)
	case o.window < 100*time.Millisecond || o.window > 10*time.Minute:
		return fmt.Errorf("-seconds %g: want 0.1 to 600", o.window.Seconds())
	case o.sessions < 0 || o.sessions > 8000:
		return fmt.Errorf("-sessions %d: want 0 to 8000", o.sessions)
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("-format %q: want text or json", o.format)
	}
	return nil
}

func (o *options) has(target string) bool { return slices.Contains(o.targets, target) }

func parseList[T any](s string, parse func(string) (T, error)) ([]T, error) {
	var list []T
	for item := range strings.SplitSeq(s, ",") {
		v, err := parse(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func parseConnections(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("-connections: %q is no number from 1 to 1000", s)
	}
	return n, nil
}

func parsePayload(s string) (int, error) {
	number, unit := strings.TrimSuffix(s, "B"), 1
	if rest, ok := strings.CutSuffix(s, "KB"); ok {
		number, unit = rest, 1<<10
	} else if rest, ok := strings.CutSuffix(s, "MB"); ok {
		number, unit = rest, 1<<20
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxPayload || n*unit < minPayload || n*unit > maxPayload {
		return 0, fmt.Errorf("-payloads: %q is no length from 32B to 3MB", s)
	}
	return n * unit, nil
}

// payloadName writes a length as the options take it.
func payloadName(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.Itoa(n>>20) + "MB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.Itoa(n>>10) + "KB"
	}
	return strconv.Itoa(n) + "B"
}
