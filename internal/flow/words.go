package flow

import (
	"strings"
	"sync"
)

// role is what a word in a tool's name can be.
type role uint32

const (
	reads    role = 1 << iota // verb: brings something into the conversation
	sends                     // verb: speaks, pays or books, whatever the object
	destroys                  // verb: takes away what cannot be brought back
	works                     // verb: makes something of what it is given, and keeps or sends nothing
	runs                      // verb: carries out code of the caller's, with a runnable object
	writes                    // verb: makes or changes; what it does depends on the object
	either                    // a verb only where no other word is one: "email", "order"
	private                   // object: data that is not public
	foreign                   // object: text that anybody may have written
	web                       // object: reached by a request to the outside
	shared                    // object: to make or change it is to speak to others
	runnable                  // object: a command, a script
	access                    // object: who may do what
	person                    // object: somebody who may do something
	reaches                   // verb: asks an address outside, unless an object says otherwise
	brings                    // verb: the same when it stands alone, "fetch"; else a word for get
	mints                     // verb: the same, and of a credential it makes a valid one
	binding                   // object: to change it binds or ships, whatever is said with it
	about                     // object: what is said of somebody, not what he may do
)

// wordLists are English: so are the names of tools, also of those whose
// descriptions are in another language. Words are singular and in lower case.
//
//nolint:gochecknoglobals // a table; read-only
var wordLists = []struct {
	role  role
	words string
}{
	{reads, `get read list search find fetch query view show describe load open retrieve lookup browse scrape crawl
		download check extract summarize summarise recall select count scan inspect explore navigate visit export
		receive pull peek watch monitor analyze analyse compare parse convert screenshot capture access collect
		display ask gather preview tail cat head grep`},
	{reaches, `crawl scrape browse visit navigate`},
	{brings, `fetch download`},
	{sends, `send publish tweet retweet reply respond forward invite submit notify pay transfer donate buy purchase
		reserve broadcast announce dispatch deliver transmit remit withdraw deposit sell
		checkout rsvp subscribe unsubscribe follow retransmit upload webhook callback dial deploy enqueue telegram`},
	{sends | either, `post email mail message order book schedule share comment text call tip vote sms fax push release
		trade swap bid`},
	{destroys, `delete remove drop destroy purge wipe erase revoke terminate kill uninstall truncate overwrite cancel
		unshare archive trash disable deactivate merge approve reject refund suspend shutdown
		restart reboot rollback`},
	{destroys | either, `reset ban block close empty void`},
	{works, `calculate compute estimate simulate predict suggest recommend render validate verify format
		translate encode decode`},
	{works | mints, `generate`},
	{runs, `run execute exec eval evaluate spawn launch start invoke shell bash terminal interpret`},
	{writes, `create add update edit write put set save append insert modify change make new open upsert patch rename
		move reschedule postpone assign attach register enable grant sync store import copy fork draft link transition replace
		lock unlock star promote`},
	{private, `file document doc folder directory drive disk email mail inbox mailbox message chat conversation dm calendar
		event meeting appointment contact transaction account balance iban statement payment invoice bill salary payroll
		user profile customer client employee patient health medical record password secret env environment credential
		token keychain vault certificate database db table sql row schema note notebook memory memories private
		personal clipboard screen screenshot photo image camera microphone location order purchase cart
		reservation booking subscription log trace repository repo code commit diff branch workspace project
		spreadsheet sheet slide slack teams discord whatsapp telegram gmail outlook notion confluence jira crm lead
		deal pipeline bookmark cookie session contract report resume ssn passport phone identity knowledge entity graph
		node attachment ticket issue task todo reminder alarm dashboard metric incident alert config configuration
		setting variable bucket object blob backup snapshot thread channel voicemail recording content draft
		friend portfolio wallet holding position expense budget tax asset inventory collection vector embedding`},
	{foreign, `web page website webpage site url uri link html internet google bing duckduckgo brave news article blog review
		rating comment issue pull pr email mail inbox mailbox message chat conversation dm channel thread post tweet feed
		rss forum story stories ticket transcript video youtube wiki wikipedia arxiv paper pdf attachment transaction event
		invitation invite calendar meeting appointment file document doc folder drive content note notebook slack teams
		discord whatsapp telegram gmail outlook reddit hackernews twitter facebook instagram tiktok linkedin
		hotel restaurant rental flight listing product package readme repository repo gist discussion answer question
		submission response feedback survey form caption subtitle lyric recipe job profile customer lead contact notification
		result snippet doc documentation database table row record sql spreadsheet sheet slide notion confluence jira
		memory memories knowledge entity graph resource description bio voicemail recording log alert incident release dataset
		crawl scrape browse tool download sms`},
	{web, `web website webpage site url internet google bing duckduckgo brave http https dns whois crawl scrape browse
		browser navigate visit`},
	{shared, `event meeting appointment issue pull pr comment review gist repository repo release webhook page
		ticket message post participant attendee member collaborator invitation invite reaction
		transaction payment transfer invoice order booking reservation channel thread tweet story discussion
		subscription campaign newsletter listing branch deployment dm mail email answer reply calendar
		follower friend request bid offer topic wiki snippet feedback vote poll announcement notification`},
	{runnable, `command cmd shell bash terminal process script code python javascript js node program sandbox container
		powershell sql statement function lambda job workflow binary repl notebook cell action`},
	{binding, `transaction payment transfer invoice order booking reservation subscription bid offer
		deployment release branch webhook campaign newsletter repository repo vote poll friend follower
		participant attendee member collaborator invitation invite`},
	{about, `info information profile detail preference avatar bio address`},
	{access, `password credential permission role access key token secret policy acl visibility public beneficiary
		payee recipient`},
	{person, `user member collaborator owner`},
}

// words are the roles of each word.
//
//nolint:gochecknoglobals // a table; read-only
var words = sync.OnceValue(func() map[string]role {
	out := map[string]role{}
	for _, list := range wordLists {
		for w := range strings.FieldsSeq(list.words) {
			out[w] |= list.role
		}
	}
	return out
})
