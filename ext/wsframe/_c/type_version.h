/* The version of a class: a number of its own, and another after each change of the class, or of one that it
 * inherits from. CPython keeps it for its cache of methods. */
#ifndef WSF_TYPE_VERSION_H
#define WSF_TYPE_VERSION_H

#include <Python.h>

/* 0 for a class that has none yet: a look-up gives it one. */
static inline unsigned int wsf_type_version(PyObject *type)
{
#if PY_VERSION_HEX < 0x030C0000
    if (!(((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG))
        return 0;
#endif
#if defined(Py_GIL_DISABLED) && !defined(_MSC_VER)
    return __atomic_load_n(&((PyTypeObject *)type)->tp_version_tag, __ATOMIC_ACQUIRE);
#else
    return *(volatile unsigned int *)&((PyTypeObject *)type)->tp_version_tag;
#endif
}

/* The attribute of a class or of one that it inherits from; no descriptor is called. A new reference, or NULL
 * without an exception. */
static inline PyObject *wsf_type_lookup(PyObject *type, PyObject *name)
{
#if PY_VERSION_HEX >= 0x030D0000
    return _PyType_LookupRef((PyTypeObject *)type, name);
#else
    PyObject *value = _PyType_Lookup((PyTypeObject *)type, name);
    Py_XINCREF(value);
    return value;
#endif
}

#endif
