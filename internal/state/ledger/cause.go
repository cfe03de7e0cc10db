package ledger

// Causes of gaps, beside the classes of the ends of connections (internal/source/stream, internal/source/xapi). They are
// what users see of a gap, and stand in the ledger.
const (
	CauseRestart  = "restart"  // no process ran; the last one ended in order
	CauseCrash    = "crash"    // no process ran; the last one did not
	CauseLedger   = "ledger"   // the ledger does not say what became of the minute
	CauseClock    = "clock"    // what came before and after the stream's time leapt ahead
	CauseDropped  = "dropped"  // Tweets that Telegraf threw away
	CauseSpool    = "spool"    // Tweets whose place in the spool cannot be read
	CauseAudit    = "audit"    // a store lacked Tweets, and a repair is under way
	CauseOperator = "operator" // the command recover
)
