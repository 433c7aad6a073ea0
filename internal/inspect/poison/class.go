package poison

// A class is a set of what a word can be in a sentence that tells somebody to do
// something. A word may be of several: "mail" is sent, and is what is sent.
type class uint64

// Verbs, then what they act on, then how, when and why; last what the reader of
// the text makes of things that are no words.
const (
	get       class = 1 << iota // read, open, fetch
	put                         // include, pass, append
	send                        // forward, upload, post
	alter                       // replace, change, redirect
	call                        // call, invoke, run
	ignore                      // ignore, disregard
	tell                        // tell, mention, reveal
	show                        // show, display, print: honest text says so of raw data
	prefer                      // prefer, prioritise
	secret                      // passwords, private keys, environment variables
	file                        // file, folder, configuration
	user                        // the user, a person
	you                         // you, your
	model                       // assistant, model, agent
	tool                        // tool, function, server
	other                       // other, another, built-in
	whole                       // all, any, every
	talk                        // conversation, chat history
	prompt                      // system prompt
	prior                       // previous, above
	order                       // instructions, rules, policy
	result                      // output, response
	argument                    // parameter, argument, field
	recipient                   // recipient, account, beneficiary
	blind                       // bcc, hidden copy
	message                     // mail, payment, invoice
	step                        // step, action, instruction that is not to be told
	must                        // must, should, required
	before                      // before, first
	when                        // when, whenever
	standing                    // for the rest of this session, from now on, permanently
	not                         // not, never, without
	covert                      // silently, secretly
	fail                        // otherwise fails, is refused
	chief                       // system, administrator, compliance
	stale                       // deprecated, unsafe, unreliable
	best                        // best, superior
	example                     // for example, such as
	guard                       // detect, prevent, analyse: speaks about attacks
	confirm                     // ask, confirm, approve
	third                       // reads, sends: what somebody is said to do
	filler                      // then, also, please: what may stand before a verb
	gerund                      // calling, reading
	passive                     // called, sent
	harm                        // exfiltrate, keylogger: nothing honest does it
	offence                     // exploit, spoof: what those who test systems do too
	victim                      // credentials of others, antivirus, logs
	rank                        // supersede, precedence
	mode                        // developer mode, jailbreak
	this                        // this, it
	aware                       // knowledge, consent, notice
	instead                     // instead, rather than
	task                        // request, question, operation
	do                          // do, use, perform: verbs of no other class
	be                          // is, be, are
	loose                       // of a language that has objects before verbs too
	path                        // a path of files
	keeps                       // a path where secrets are kept
	link                        // a URL
	address                     // an e-mail address
	number                      // a number of a phone or an account
	shell                       // a command substitution, a pipe to a program
	name                        // an identifier: snake_case, camelCase
	quoted                      // a quote opens before it
)

func (c class) has(of class) bool { return c&of != 0 }

const (
	verb    = get | put | send | alter | call | ignore | tell | show | prefer | do
	literal = link | address | number
)

// classNames are the heads of the lines in the word lists.
//
//nolint:gochecknoglobals // a table; read-only
var classNames = map[string]class{
	"get": get, "put": put, "send": send, "alter": alter, "call": call, "ignore": ignore, "tell": tell, "show": show,
	"prefer": prefer, "secret": secret, "file": file, "user": user, "you": you, "model": model, "tool": tool, "other": other,
	"whole": whole, "talk": talk, "prompt": prompt, "prior": prior, "order": order, "result": result, "argument": argument,
	"recipient": recipient, "blind": blind, "message": message, "step": step, "must": must, "before": before, "when": when,
	"standing": standing, "not": not, "covert": covert, "fail": fail, "chief": chief, "stale": stale, "best": best,
	"example": example, "guard": guard, "confirm": confirm, "filler": filler, "gerund": gerund, "passive": passive, "harm": harm,
	"offence": offence, "victim": victim, "rank": rank, "mode": mode, "this": this, "aware": aware, "instead": instead,
	"task": task, "do": do, "be": be,
}
