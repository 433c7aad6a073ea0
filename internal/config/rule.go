package config

// Role is what its holders may and may not reach. A key has the roles that it was
// made with; a token or a certificate those whose scopes, groups or subjects it
// has.
type Role struct {
	// Scopes of tokens that have the role: any one of them.
	Scopes []string `yaml:"scopes" type:"scope"`
	// Groups of tokens that have the role: any one of them, exactly.
	Groups []string `yaml:"groups"`
	// Subjects of tokens and certificates that have the role, by glob; a star never crosses a slash.
	Subjects []string `yaml:"subjects" type:"glob"`
	// Issuers whose tokens alone can have the role. All unless written; mtls stands for certificates. Keys are not asked.
	Issuers []string `yaml:"issuers"`
	// Allow are the rules that open something.
	Allow []Rule `yaml:"allow"`
	// Deny are the rules that close something. They win over the allow of every role. In a deny on tools and prompts a star crosses slashes too, for the upstream chooses its names.
	Deny []Rule `yaml:"deny"`
}

// Rule names things by glob; it matches what any of its patterns matches.
type Rule struct {
	// Tools are globs of upstream/tool. A star never crosses a slash; /** takes in all below.
	Tools []string `yaml:"tools" type:"glob"`
	// Resources are globs of URIs, such as docs://**.
	Resources []string `yaml:"resources" type:"glob"`
	// Prompts are globs of upstream/prompt.
	Prompts []string `yaml:"prompts" type:"glob"`
	// Where is what the arguments of a call must keep to, by their type (upstreams.NAME.arguments) or by their name. Of allow rules alone. A rule that judges arguments lets none through that the tool's schema does not name.
	Where *Where `yaml:"where"`
	// When is a condition in CEL over principal, upstream, tool, args, session, now and request. An allow whose condition fails allows nothing, a deny whose condition fails denies, and an allow in mode approve whose condition fails asks people for what other rules allow.
	When string `yaml:"when" type:"CEL"`
	// Mode of the rule: enforce it; observe records what it would have refused, and refuses nothing; approve holds a call until people have agreed.
	Mode string `yaml:"mode" enum:"enforce observe approve"`
	// Approvers are those who must agree, of a rule in mode approve.
	Approvers *Approvers `yaml:"approvers"`
}

// Approvers are the people who let a held call pass.
type Approvers struct {
	// Roles whose holders may approve. The caller never does.
	Roles []string `yaml:"roles"`
	// Count is how many different people must agree.
	Count int `yaml:"count"`
	// Expires is how long they have, from the first call on. 15m unless written.
	Expires Duration `yaml:"expires"`
	// Self asks the caller, by MCP elicitation, for a confirmation of its own, in place of roles.
	Self bool `yaml:"self"`
}

// Where is what arguments must keep to. What is not written leaves the type at its
// own safe default: an unambiguous path, a public http or https URL, one SELECT.
type Where struct {
	// Path is for arguments of type path.
	Path *WherePath `yaml:"path"`
	// URL is for arguments of type url.
	URL *WhereURL `yaml:"url"`
	// Host is for arguments of type host.
	Host *WhereHost `yaml:"host"`
	// SQL is for arguments of type sql.
	SQL *WhereSQL `yaml:"sql"`
	// Command is for arguments of type command.
	Command *WhereCommand `yaml:"command"`
	// Email is for arguments of type email.
	Email *WhereEmail `yaml:"email"`
	// Text is for arguments of type text.
	Text *WhereText `yaml:"text"`
	// Values are for single parameters, by name, whatever their type.
	Values map[string]WhereValue `yaml:"values" key:"parameter"`
}

// WherePath is what a path must keep to.
type WherePath struct {
	// Under are the directories that it must be in or below.
	Under []string `yaml:"under"`
	// Not are globs and directories in them that are closed.
	Not []string `yaml:"not" type:"glob"`
	// Extensions that a file may have, such as .md. All unless written.
	Extensions []string `yaml:"extensions"`
	// Base is where a relative path starts. Relative paths are refused unless written.
	Base string `yaml:"base"`
	// Resolve looks at this machine's own files: no symbolic link may lead out of under.
	Resolve bool `yaml:"resolve"`
}

// WhereURL is what a URL must keep to.
type WhereURL struct {
	// Schemes that it may have. http and https unless written.
	Schemes []string `yaml:"schemes"`
	// Hosts that it may name: api.example.com, *.example.com for what is below it, an address or a network. All public ones unless written.
	Hosts []string `yaml:"hosts"`
	// Ports that it may name. 80 and 443 unless written.
	Ports []int `yaml:"ports"`
	// Private lets addresses and names of private networks pass as well.
	Private bool `yaml:"private"`
}

// WhereHost is what a host, or host:port, must keep to.
type WhereHost struct {
	// Hosts that it may be: api.example.com, *.example.com for what is below it, an address or a network. All public ones unless written.
	Hosts []string `yaml:"hosts"`
	// Ports that it may name. 80 and 443 unless written.
	Ports []int `yaml:"ports"`
	// Private lets addresses and names of private networks pass as well.
	Private bool `yaml:"private"`
}

// WhereSQL is what a statement must keep to.
type WhereSQL struct {
	// Statements are the kinds that may be run: select, explain, insert, update, delete. select unless written.
	Statements []string `yaml:"statements"`
	// Tables that it may touch, such as orders, public.orders or public.*. All but the catalogues unless written.
	Tables []string `yaml:"tables"`
	// Functions that it may call beside harmless ones.
	Functions []string `yaml:"functions"`
}

// WhereCommand is what the words of a command must keep to.
type WhereCommand struct {
	// Programs that the first word may be. Any plain name unless written.
	Programs []string `yaml:"programs"`
	// Options lets words begin with a dash.
	Options bool `yaml:"options"`
}

// WhereEmail is what an address must keep to.
type WhereEmail struct {
	// Domains of addresses, such as example.com or *.example.com. All unless written.
	Domains []string `yaml:"domains"`
	// Lists lets one text hold several addresses with commas between them.
	Lists bool `yaml:"lists"`
}

// WhereText is what a text must keep to.
type WhereText struct {
	// Size is the longest that it may be.
	Size *Size `yaml:"size"`
	// Regex that the whole text must match (RE2).
	Regex *string `yaml:"regex" type:"regular expression"`
	// OneOf are the texts that it may be.
	OneOf []string `yaml:"one_of"`
	// Equals is the one text that it may be.
	Equals *string `yaml:"equals"`
}

// WhereValue is what one parameter must keep to.
type WhereValue struct {
	// Size is the longest that a text may be.
	Size *Size `yaml:"size"`
	// Regex that a whole text must match (RE2).
	Regex *string `yaml:"regex" type:"regular expression"`
	// OneOf are the values that it may be.
	OneOf []Scalar `yaml:"one_of"`
	// Equals is the one value that it may be.
	Equals *Scalar `yaml:"equals"`
	// Min is the least that a number may be.
	Min Scalar `yaml:"min"`
	// Max is the most that a number may be.
	Max Scalar `yaml:"max"`
	// Required refuses a call without the parameter.
	Required bool `yaml:"required"`
}
