import Glibc

/// A user account of this machine.
package struct Account: Hashable, Sendable {
    /// The user's name.
    package let name: String
    /// The numeric user id.
    package let userID: UInt32
    /// The user's own group.
    package let groupID: UInt32
    /// The home directory as the user database has it.
    package let home: String

    /// Puts an account together.
    package init(name: String, userID: UInt32, groupID: UInt32, home: String) {
        self.name = name
        self.userID = userID
        self.groupID = groupID
        self.home = home
    }

    /// Looks a user up by name; may ask a directory service and block.
    package static func named(_ name: String) -> Account? {
        unsafe look { entry, buffer, length, result in
            unsafe getpwnam_r(name, entry, buffer, length, result)
        }
    }

    /// Looks a user up by number; may ask a directory service and block.
    package static func with(userID: UInt32) -> Account? {
        unsafe look { entry, buffer, length, result in
            unsafe getpwuid_r(userID, entry, buffer, length, result)
        }
    }

    /// Looks the number of a group up by name; may ask a directory service and block.
    package static func groupID(named name: String) -> UInt32? {
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: bufferLength)
        guard unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, unsafe found != nil else {
            return nil
        }
        return unsafe entry.gr_gid
    }

    // Room for the strings of an entry; groups list their members.
    private static let bufferLength = 262_144

    private static func look(
        _ call: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> CInt
    ) -> Account? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferLength)
        // SAFETY: the entry's strings point into `buffer`, and are copied before it goes.
        return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress,
                unsafe call(&entry, start, buffer.count, &found) == 0, unsafe found != nil,
                let name = unsafe entry.pw_name
            else { return nil }
            let home = unsafe entry.pw_dir.map { unsafe String(cString: $0) } ?? ""
            return unsafe Account(
                name: String(cString: name), userID: entry.pw_uid, groupID: entry.pw_gid, home: home)
        }
    }
}
