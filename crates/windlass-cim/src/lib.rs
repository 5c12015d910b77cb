//! CIM classes, instances, object paths, WQL and their XML mappings.
