// Package clients knows where MCP clients keep their servers, and how: it reads
// them for doorward init, and writes Doorward into them for doorward install.
// The command line alone calls it.
//
// What a client's file holds is treated as an attacker's: sizes and counts are
// bounded, nothing in it is started or expanded, and no value of a variable or a
// header leaves the package. It reads no environment: Env says what there is.
package clients

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Name is what Doorward is called in a client.
const Name = "doorward"

// Scope says for whom a client's file counts.
type Scope string

// The scopes. System files belong to an administrator and are only read.
const (
	ScopeUser    Scope = "user"
	ScopeLocal   Scope = "local"
	ScopeProject Scope = "project"
	ScopeSystem  Scope = "system"
)

// Env is the machine as the files' places depend on it. Every path is absolute.
type Env struct {
	GOOS       string // as in runtime.GOOS
	Home       string // the user's directory
	ConfigHome string // $XDG_CONFIG_HOME; empty: Home/.config
	AppData    string // %APPDATA%; empty: Home\AppData\Roaming
	Project    string // the directory whose project files are meant
}

// Place is one file in which a client keeps servers.
type Place struct {
	Scope    Scope
	Path     string
	Root     []string // the keys that lead to the servers
	ReadOnly bool     // another place of the scope is the one to write to
}

// Client is one MCP client.
type Client struct {
	Name  string // on the command line
	Title string // for people

	format format
	places func(Env) []Place
	typed  bool      // an entry says its type, stdio or http
	bare   string    // what a url without a type speaks: "sse", or "" to guess
	http   *httpForm // nil: the client starts servers and reaches none
}

type format string

const (
	formatJSON format = "json"
	formatTOML format = "toml"
)

// Find is the client of this name. The error names them all.
func Find(name string) (Client, error) {
	var names []string
	for _, c := range Table() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Client{}, fmt.Errorf("there is no client %q; there are %s", name, strings.Join(names, ", "))
}

// Places are the client's files, in the order in which they count: a server of
// a later one hides one of the same name before it.
func (c *Client) Places(env Env) []Place { return c.places(env) }

// place is the file of a scope that install writes to.
func (c *Client) place(env Env, scope Scope) (Place, error) {
	var scopes []string
	for _, p := range c.places(env) {
		if p.Scope == scope && !p.ReadOnly {
			return p, nil
		}
		if !p.ReadOnly {
			scopes = append(scopes, string(p.Scope))
		}
	}
	return Place{}, fmt.Errorf("%s has no scope %q; it has %s", c.Title, scope, strings.Join(scopes, ", "))
}

// config is where programs keep what the user has set up.
func (e Env) config() string {
	switch {
	case e.GOOS == "windows" && e.AppData != "":
		return e.AppData
	case e.GOOS == "windows":
		return filepath.Join(e.Home, "AppData", "Roaming")
	case e.GOOS == "darwin":
		return filepath.Join(e.Home, "Library", "Application Support")
	}
	return e.xdg()
}

// xdg is the XDG configuration directory, which some programs use on macOS too.
func (e Env) xdg() string {
	if e.ConfigHome != "" && filepath.IsAbs(e.ConfigHome) && e.GOOS != "darwin" {
		return e.ConfigHome
	}
	return filepath.Join(e.Home, ".config")
}
