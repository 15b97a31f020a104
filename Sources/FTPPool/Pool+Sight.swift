extension Pool {
    /// What can be seen of the pool.
    struct Sight {
        /// The number of sessions that stand.
        var standing: Int
        /// The number of those that are idle.
        var idle: Int
        /// How many there may be.
        var ceiling: Int
        /// The transfers that are going on, a line each.
        var transfers: [String]
        /// Why the server cannot be reached, since when, and when it is tried again; nil while all is well.
        var outage: Outage?
    }
}
