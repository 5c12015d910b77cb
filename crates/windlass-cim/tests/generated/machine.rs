windlass_cim::cim_class! {
    /// The class `Test_Machine`.
    pub struct TestMachine in "root/test" as "Test_Machine" {
        /// What it is called.
        pub name: String = "Name",
        /// The property `Number`.
        pub number: u32 = "Number",
        /// The property `Ready`.
        pub ready: Option<bool> = "Ready",
        /// The property `Tiny`.
        pub tiny: Option<u8> = "Tiny",
        /// The property `SignedTiny`.
        pub signed_tiny: Option<i8> = "SignedTiny",
        /// The property `Small`.
        pub small: Option<u16> = "Small",
        /// The property `SignedSmall`.
        pub signed_small: Option<i16> = "SignedSmall",
        /// The property `Signed`.
        pub signed: Option<i32> = "Signed",
        /// The property `IPAddressCount`.
        pub ip_address_count: Option<u64> = "IPAddressCount",
        /// The property `SignedLarge`.
        pub signed_large: Option<i64> = "SignedLarge",
        /// The property `Load`.
        pub load: Option<f32> = "Load",
        /// The property `Temperature`.
        pub temperature: Option<f64> = "Temperature",
        /// The property `Letter`.
        pub letter: windlass_cim::CimValue = "Letter",
        /// The property `Started`.
        pub started: Option<windlass_cim::CimDateTime> = "Started",
        /// The property `Parent`.
        pub parent: Option<windlass_cim::ObjectPath> = "Parent",
        /// The property `Inside`.
        pub inside: Option<windlass_cim::CimInstance> = "Inside",
        /// The property `Anything`.
        pub anything: windlass_cim::CimValue = "Anything",
        /// The property `Codes`.
        pub codes: Option<Vec<u16>> = "Codes",
        /// The property `Names`.
        pub names: Option<Vec<String>> = "Names",
        /// The property `Times`.
        pub times: Option<Vec<windlass_cim::CimDateTime>> = "Times",
        /// The property `Type`.
        pub type_: Option<String> = "Type",
        /// The property `ipAddressCount_`.
        pub ip_address_count_: Option<String> = "ipAddressCount_",
    }
}
