package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// only adds a flag that narrows what a command is about to what has this text. It refuses an empty one: a
// variable of a shell that is not set would choose everything.
func only(f *pflag.FlagSet, to *string, name, usage string) {
	f.Var(&onlyFlag{to, name}, name, usage)
}

// onlyFlag is the value of such a flag.
type onlyFlag struct {
	to   *string
	name string
}

// String implements pflag.Value.
func (o *onlyFlag) String() string {
	if o.to == nil { // pflag asks a zero value
		return ""
	}
	return *o.to
}

// Type implements pflag.Value.
func (o *onlyFlag) Type() string { return "string" }

// Set implements pflag.Value.
func (o *onlyFlag) Set(s string) error {
	if s == "" {
		return errors.New("it is empty: name one, or leave the flag out for all")
	}
	*o.to = s
	return nil
}
