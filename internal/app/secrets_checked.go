package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/monitor/figures"
	"doorward/internal/secret"
)

// SecretCheck says which secrets CheckSecrets looks at.
type SecretCheck struct {
	Config      *config.Config
	Environment []string
	// Skip says why a secret is not asked for; empty: it is.
	Skip func(config.Secret) string
	// Ages has what a gateway noted in the data directory tell since when secrets have their
	// values whose places do not know that, as variables.
	Ages bool
}

// SecretChecked is one secret as a start would find it. No value is in it.
type SecretChecked struct {
	Name    string        `json:"name"`
	From    string        `json:"from"` // as the configuration says it
	Since   time.Time     `json:"since,omitzero"`
	MaxAge  time.Duration `json:"max_age"`           // in nanoseconds; 0: nobody said
	Overdue bool          `json:"overdue"`           // it has had its value for longer
	Absent  bool          `json:"absent,omitempty"`  // it is not there, and not required
	Unasked string        `json:"unasked,omitempty"` // why it was not looked at
	Fault   string        `json:"fault,omitempty"`   // what a gateway would not start with, or what would be refused
}

// CheckSecrets looks at all secrets of a configuration together, as a gateway does when it
// starts, and says of each, by name, what is wrong: it cannot be had, others may read its file,
// it has the wrong type, is an example, has the value of another, or could be guessed where it
// proves who Doorward is. Nothing is written, no value is kept, and what Vault makes for it is
// given back. An error says that nothing was looked at.
func CheckSecrets(c SecretCheck) (all []SecretChecked, err error) {
	a := &App{Options: Options{Config: c.Config, Environment: c.Environment, Log: slog.New(slog.DiscardHandler)}}
	if err := a.openSecrets(c.Config.DataDir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.leaveVault()) }()
	if c.Ages {
		if err := a.notedAges(c.Config.DataDir); err != nil {
			return nil, err
		}
	}
	values := map[string]secret.Value{}
	all = make([]SecretChecked, 0, len(c.Config.Secrets))
	for _, name := range names(c.Config.Secrets) {
		s := c.Config.Secrets[name]
		one := SecretChecked{Name: name, From: s.From, MaxAge: time.Duration(s.MaxAge), Unasked: c.Skip(s)}
		if one.Unasked == "" {
			a.checkSecret(&one, s, values)
		}
		all = append(all, one)
	}
	add := func(name, fault string) {
		for i := range all {
			if one := &all[i]; one.Name == name {
				one.Fault = strings.TrimPrefix(one.Fault+"; "+fault, "; ")
			}
		}
	}
	for _, u := range unfits(c.Config, func(name string) (secret.Value, error) {
		if v, ok := values[name]; ok {
			return v, nil
		}
		return secret.Value{}, secret.ErrAbsent
	}) {
		add(u.name, u.fault.Error())
	}
	return all, nil
}

// checkSecret has one read, and says whether it can be and how old it is. What it is goes into values.
func (a *App) checkSecret(one *SecretChecked, s config.Secret, values map[string]secret.Value) {
	held, err := a.places.Open([]secret.Source{{Name: one.Name, From: s.From, Required: s.Required, Type: s.Type}})
	if err == nil {
		values[one.Name], err = held.Get(one.Name)
	}
	if err != nil {
		delete(values, one.Name)
		if one.Absent = !s.Required && errors.Is(err, secret.ErrAbsent); !one.Absent {
			one.Fault = err.Error()
		}
		return
	}
	if s.PerCall() {
		return // it has no age
	}
	now := time.Now()
	if one.Since = held.Changed(one.Name); a.ages != nil {
		if one.Since, err = a.ages.Since(ageOfSecret+one.Name, values[one.Name].Reveal(), one.Since, now); err != nil {
			one.Fault = err.Error()
		}
	}
	age := figures.Age{Since: one.Since, Most: one.MaxAge}
	one.Overdue = one.MaxAge > 0 && !one.Since.IsZero() && !age.Within(now)
}

// notedAges opens what a gateway has noted of ages, and notes nothing. Where none has, there are none.
func (a *App) notedAges(dir string) error {
	_, err := os.Stat(filepath.Join(dir, "state.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // opening them would make it
	}
	if err == nil {
		err = a.openAges(dir)
	}
	return err
}
